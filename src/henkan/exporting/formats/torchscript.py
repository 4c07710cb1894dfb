"""TorchScript (.pt), traced: read by `torch.jit.load` and libtorch, in C++ and on telephones, without henkan."""

from __future__ import annotations

from pathlib import Path

import torch
from omegaconf import DictConfig

from henkan.exporting.program import SIZES, Program, compared, exporting
from henkan.exporting.program_card import write_card
from henkan.exporting.source import Source
from henkan.files import replaced

ENDING = ".pt"


def export(source: Source, output: Path, cfg: DictConfig) -> None:
    """Write the traced program, checked as it was read again, and its card. Raises `UserError` for what cannot be."""
    program = Program(source)
    with replaced(output) as partial, exporting(program, "torchscript"), torch.no_grad():
        traced = torch.jit.trace(program, program.example(*SIZES[0]), check_trace=False)  # type: ignore[no-untyped-call]
        traced.save(str(partial))
        loaded = torch.jit.load(str(partial))  # type: ignore[no-untyped-call]
        checked = compared(program, lambda given: loaded(*given), str(output))
    write_card(output, source, program, checked)
