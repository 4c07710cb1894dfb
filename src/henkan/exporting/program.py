"""A generator with its task's conversions around it, as a program of tensors alone: what other runtimes can run."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.exporting.source import Source
from henkan.networks.modes import heeds

# How far an exported program may be from the network itself, of pictures in [0, 1].
TOLERANCE = 1e-4
# Sizes that it is tried with, in steps of what the network's sides are a multiple of; the first is what is traced.
SIZES = ((3, 4), (4, 3), (5, 7))
# At least so many pixels a side: networks treat pictures smaller than their margins otherwise (Johnson's: 40 pixels).
LEAST = 64


class Program(nn.Module):
    """What a person gives a network, by position, to what is made of it: (B, C, H, W) float32 in [0, 1] each.

    `takes` names what is given, with its channels, `makes` the answer: `output`, a picture, or `labels`, the likeliest
    class (B, 1, H, W) int64. Sides are multiples of `multiple`, filled up by `padding`; hints are a and b over 110, in
    [-1, 1].
    """

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.network, self.transform = source.network, source.transform
        task, sources = self.transform.task, source.config["source_channels"] or source.config["channels"] or 3
        unheeded = {"hints", "hint_mask"} - heeds(self.network)
        self.takes = {name: channels or sources for name, channels in task.given.items() if name not in unheeded}
        self.makes = "labels" if task.answers == "classes" else "output"
        self.multiple = int(getattr(self.network, "multiple", 1))
        self.padding = str(getattr(self.network, "padding", "reflect"))

    def forward(self, *given: Tensor) -> Tensor:
        sample = dict(zip(self.takes, given, strict=True))
        composed = self.transform.generate(self.network, sample)
        if self.makes == "labels":
            labels: Tensor = composed["raw"].argmax(1, keepdim=True)
            return labels
        output: Tensor = composed["output"]
        return output.clamp(0.0, 1.0)

    @cached_property
    def classes(self) -> int | None:
        """How many classes there are, where the answer is labels."""
        if self.makes != "labels":
            return None
        given = dict(zip(self.takes, self.example(*SIZES[0]), strict=True))
        with torch.inference_mode():
            return int(self.transform.generate(self.network, given)["raw"].shape[1])

    @cached_property
    def step(self) -> int:
        """A multiple of what sides may be, three of which are `LEAST` pixels or more."""
        return self.multiple * -(-LEAST // (3 * self.multiple))

    def example(self, rows: int, columns: int) -> tuple[Tensor, ...]:
        """Return a picture of so many steps and what goes with it, as a person gives them; masks mark about a third."""
        draw = torch.Generator().manual_seed(rows * 31 + columns)
        shape = (rows * self.step, columns * self.step)
        found = []
        for name, channels in self.takes.items():
            values = torch.rand(1, channels, *shape, generator=draw)
            found.append((values < 0.3).float() if name.endswith("mask") else values)
        return tuple(found)


@dataclass(frozen=True)
class Checked:
    """How far a file's answers are from the network's: the largest difference, and the sizes that it was asked at."""

    difference: float
    sizes: tuple[tuple[int, int], ...]


def compared(program: Program, run: Callable[[Sequence[Tensor]], Tensor], what: str) -> Checked:
    """Hold what a file makes of pictures of several sizes against the network's answers.

    Raises `UserError` where they differ by more than `TOLERANCE`.
    """
    worst, sizes = 0.0, []
    for rows, columns in SIZES:
        given = program.example(rows, columns)
        with torch.inference_mode():
            expected = program(*given)
        found = run(given)
        sizes.append((given[0].shape[-2], given[0].shape[-1]))
        if found.shape != expected.shape:
            raise UserError(
                f"{what} makes {tuple(found.shape)} of pictures of {sizes[-1]}, the network {tuple(expected.shape)}: "
                f"{type(program.network).__name__} cannot be exported so; try another format"
            )
        difference = float((found.double() - expected.double()).abs().max())
        if not difference <= TOLERANCE:
            raise UserError(
                f"{what} answers otherwise than the network, by {difference:.1g} at {sizes[-1]}: "
                f"{type(program.network).__name__} cannot be exported so; try another format"
            )
        worst = max(worst, difference)
    return Checked(worst, tuple(sizes))


@contextmanager
def exporting(program: Program, what: str) -> Iterator[None]:
    """Say in one line which network cannot be exported, and why; keep what exporters remark to themselves."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "torch.export", "torch._dynamo")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (
        RuntimeError,
        TypeError,
        ValueError,
        LookupError,
        AssertionError,
        NotImplementedError,
        AttributeError,
    ) as error:
        first: BaseException = error
        while first.__cause__ is not None:
            first = first.__cause__
        reason = " ".join(str(first).split())[:200] or type(first).__name__
        raise UserError(
            f"{type(program.network).__name__} cannot be exported as {what} ({reason}): try another format"
        ) from error
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def dynamic(program: Program) -> Mapping[str, Mapping[int, object]]:
    """Return which sides of what is given may differ from one picture to the next: all, in steps of `multiple`."""
    many = program.multiple
    least = max(2, -(-LEAST // many))
    height, width = (torch.export.Dim(name, min=least, max=1 << 14) for name in ("height", "width"))
    sides = {2: height if many == 1 else many * height, 3: width if many == 1 else many * width}
    return dict.fromkeys(program.takes, sides)


def exported(program: Program) -> torch.export.ExportedProgram:
    """Return the program as PyTorch's exporter sees it, with dynamic sides."""
    example = program.example(*SIZES[0])
    return torch.export.export(program, example, dynamic_shapes={"given": tuple(dynamic(program).values())})
