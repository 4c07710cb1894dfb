"""An exported program in the place of the network that it was made of: its own runtime computes, on the CPU."""

from __future__ import annotations

import inspect
import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn
from torch.nn import functional

from henkan import color
from henkan.errors import UserError
from henkan.runs.mark import is_own
from henkan.sample import Composed, Sample
from henkan.training.program_file import DATA, FORMATS, content, onnxruntime
from henkan.transform import Transform, pad

Run = Callable[[Sequence[Tensor]], Tensor]
# What the likeliest class has as its logit, and the others not.
SURE = 100.0


class ExportedNetwork(nn.Module):
    """A program that `takes` pictures by position, asked by their names; what the card says of it others ask of it."""

    # Not any more: but what it does was learned.
    learned = True

    def __init__(self, run: Run, card: Mapping[str, Any]) -> None:
        super().__init__()
        self.takes: dict[str, int] = card["takes"]
        self.makes, self.classes, self.least = card["makes"], card["classes"], card["least"]
        self.multiple, self.padding, self.context = card["multiple"], card["padding"], card["context"]

        def forward(**given: Tensor) -> Tensor:
            return run([given[name] for name in self.takes])

        # What others look at, to know what it has a use for.
        names = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in self.takes]
        forward.__signature__ = inspect.Signature(names)  # type: ignore[attr-defined]
        self.forward = forward


class ExportedTransform(Transform):
    """The same for a program, which has the task's conversions inside: `generate` adds `output`, or `raw` of labels."""

    def generate(self, network: nn.Module, sample: Sample) -> Composed:
        """Run a program on a picture of any size: filled up to one that it takes, and cut back.

        Of color it says what is seen: where that could not be shown at its lightness, `ab` is nearer to grey.
        """
        assert isinstance(network, ExportedNetwork)
        source = sample["source"]
        height, width = source.shape[-2:]
        given = {}
        for name, channels in network.takes.items():
            # Without hints there are none.
            value = sample[name] if name in sample else source.new_zeros(source.shape[0], channels, height, width)
            given[name] = value[:, :channels]
        scale = self.task.scale
        made = network(**pad(given, network.multiple, network.padding, network.least))
        made = made[..., : height * scale, : width * scale]
        if network.makes == "labels":
            shares = functional.one_hot(made[:, 0], network.classes).movedim(-1, 1)
            return Composed({**sample, "raw": SURE * shares.float()})
        return Composed({**sample, "output": made, "ab": ab_of})


def ab_of(sample: Sample) -> Tensor:
    """Return a and b of the output over 110."""
    return color.rgb_to_lab(sample["output"])[:, 1:] / color.AB


def load(path: Path, card: Mapping[str, Any], trust: bool) -> ExportedNetwork:
    """Return the program in a file, whose card this is. Raises `UserError` for what cannot be read, or is not to be.

    A graph (ONNX) is read, never executed as code. TorchScript and PyTorch's exported programs are code: one that was
    not exported here, by this person, takes their word, `trust`.
    """
    form, found = FORMATS[path.suffix], content(path, card)
    own = is_own({"identity": card["sha256"], "mark": card.get("signed")}, OmegaConf.create({}))
    if form not in DATA and not own and not trust:
        raise UserError(
            f"{path} was not exported here, and reading {form} can run any code: give trust=true if you trust who made "
            "it, or take what was exported as onnx or safetensors"
        )
    return ExportedNetwork(READERS[form](path, found), card)


def onnx(path: Path, found: bytes) -> Run:
    try:
        runtime = onnxruntime()
        wrong = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    except ImportError as error:
        raise UserError(f"{path} is run by the package onnxruntime: pip install 'henkan[export]'") from error
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        # Of the bytes that were checked, and not of whatever lies there by now.
        session = runtime.InferenceSession(found, options, providers=["CPUExecutionProvider"])
    except (
        wrong.Fail,
        wrong.InvalidArgument,
        wrong.InvalidGraph,
        wrong.InvalidProtobuf,
        wrong.NotImplemented,
    ) as error:
        raise UserError(f"{path} is nothing that this onnxruntime runs ({first_line(error)})") from error
    names = [node.name for node in session.get_inputs()]

    def run(given: Sequence[Tensor]) -> Tensor:
        values = {name: value.contiguous().numpy() for name, value in zip(names, given, strict=True)}
        try:
            return torch.from_numpy(session.run(None, values)[0])
        except (wrong.Fail, wrong.InvalidArgument, wrong.RuntimeException) as error:
            raise UserError(f"{path} cannot be applied to this ({first_line(error)})") from error

    return run


def torchscript(path: Path, found: bytes) -> Run:
    try:
        with warnings.catch_warnings():
            # That PyTorch recommends another format is no news to whom has been given this one.
            warnings.simplefilter("ignore")
            loaded = torch.jit.load(io.BytesIO(found), map_location="cpu").eval()  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        raise UserError(f"{path} is no TorchScript that this PyTorch runs ({first_line(error)})") from error
    return lambda given: loaded(*given)


def torch_export(path: Path, found: bytes) -> Run:
    try:
        loaded = torch.export.load(io.BytesIO(found)).module()
    except (RuntimeError, ValueError, AssertionError, KeyError) as error:
        raise UserError(f"{path} is no exported program that this PyTorch runs ({first_line(error)})") from error
    return lambda given: loaded(*given)


READERS: Mapping[str, Callable[[Path, bytes], Run]] = {
    "onnx": onnx,
    "torchscript": torchscript,
    "torch_export": torch_export,
}


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def check_alone(cfg: DictConfig, ensemble: bool) -> None:
    """Raise `UserError` for what needs a network's weights, or its insides."""
    for key, asked in (
        ("iteration", cfg.iteration is not None),
        ("other", cfg.other is not None or cfg.blend is not None),
        ("evaluation.ensemble", ensemble),
    ):
        if asked:
            raise UserError(f"{key}: {cfg.run} is an exported program, which is what it is; give its run or model file")
