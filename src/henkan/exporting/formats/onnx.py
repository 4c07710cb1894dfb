"""ONNX (.onnx): read by onnxruntime and its like, in the browser, in C++, C#, Java, without PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig
from torch import Tensor

from henkan.errors import UserError
from henkan.exporting.program import Program, compared, exported, exporting
from henkan.exporting.program_card import write_card
from henkan.exporting.source import Source
from henkan.files import replaced
from henkan.training.program_file import onnxruntime

ENDING = ".onnx"


def export(source: Source, output: Path, cfg: DictConfig) -> None:
    """Write the program, checked by onnxruntime, and its card. Raises `UserError` for what cannot be exported."""
    try:
        runtime = onnxruntime()
        import onnxscript
    except ImportError as error:
        raise UserError(f"format=onnx needs the package {error.name}: pip install 'henkan[export]'") from error
    program = Program(source)
    with replaced(output) as partial, exporting(program, "onnx"):
        written = torch.onnx.export(
            # By itself it defers asserts, and stumbles over those of a resize to a fixed size.
            exported(program),
            input_names=list(program.takes),
            output_names=[program.makes],
            custom_translation_table={torch.ops.aten._upsample_bicubic2d_aa.default: enlarging(onnxscript.opset18)},
            dynamo=True,
            verbose=False,
        )
        assert written is not None
        written.save(str(partial))
        session = runtime.InferenceSession(str(partial), providers=["CPUExecutionProvider"])

        def run(given: Sequence[Tensor]) -> Tensor:
            values = {name: value.numpy() for name, value in zip(program.takes, given, strict=True)}
            return torch.from_numpy(session.run([program.makes], values)[0])

        checked = compared(program, run, str(output))
    write_card(output, source, program, checked)


def enlarging(op: Any) -> Callable[..., Any]:
    """Return how a picture is enlarged by a factor in ONNX; onnxscript's own way wants a size that is fixed."""

    def enlarged(images: Any, size: Any, align_corners: bool, rows: float, columns: float) -> Any:
        scales = op.Constant(value_floats=[1.0, 1.0, rows, columns])
        # Keys' kernel, as PyTorch has it with antialias.
        return op.Resize(images, None, scales, mode="cubic", cubic_coeff_a=-0.5, antialias=1, exclude_outside=1)

    return enlarged
