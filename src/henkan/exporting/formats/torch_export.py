"""PyTorch's exported program (.pt2): read by `torch.export.load`, without henkan, and compiled by AOTInductor."""

from __future__ import annotations

from pathlib import Path

import torch
from omegaconf import DictConfig

from henkan.exporting.program import Program, compared, exported, exporting
from henkan.exporting.program_card import write_card
from henkan.exporting.source import Source
from henkan.files import replaced

ENDING = ".pt2"


def export(source: Source, output: Path, cfg: DictConfig) -> None:
    """Write the program, checked as it was read again, and its card. Raises `UserError` for what cannot be exported."""
    program = Program(source)
    with replaced(output) as partial:
        # What it is called decides how PyTorch writes it.
        file = partial.with_name(f"{partial.name}{ENDING}")
        try:
            with exporting(program, "torch_export"):
                torch.export.save(exported(program), file)
                loaded = torch.export.load(file).module()
                checked = compared(program, lambda given: loaded(*given), str(output))
            file.replace(partial)
        finally:
            file.unlink(missing_ok=True)
    write_card(output, source, program, checked)
