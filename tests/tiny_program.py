"""A program of one subtraction, as `henkan export` would write it of a network of dehazing."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf
from tiny_model import untrained

from henkan.exporting.source import Source
from henkan.files import digest_of, write_json
from henkan.training.program_file import card_beside


def write_program(path: Path, channels: int = 3) -> Path:
    """Write an ONNX program that turns a picture around, light to dark, and its card."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    shape = [1, channels, "height", "width"]
    one = helper.make_tensor("one", kind, [1], [1.0])
    source, output = (helper.make_tensor_value_info(name, kind, shape) for name in ("source", "output"))
    turned = helper.make_graph([helper.make_node("Sub", ["one", "source"], ["output"])], "g", [source], [output], [one])
    model = helper.make_model(turned, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    path.write_bytes(model.SerializeToString())
    network, cfg = untrained("dehazing")
    card = {
        "config": OmegaConf.to_yaml(Source(network, cfg, {}).portable),
        "identity": "0" * 64,
        "takes": {"source": 3},
        "makes": "output",
        "classes": None,
        "least": 64,
        "multiple": 8,
        "padding": "reflect",
        "context": 4,
    }
    write_json(card_beside(path), {**card, "sha256": digest_of(path)})
    return path
