"""The command: help that is quick, and an interrupt."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from henkan.cli.run import main as main_of_this_process

HEAVY = ("torch", "pytorch_lightning", "torchmetrics", "wandb", "hydra", "omegaconf", "numpy", "pandas")


@pytest.mark.parametrize(
    ("words", "limit"),
    [(["--help"], 0.5), (["--version"], 0.5), (["train", "--help"], 1.2), (["study", "-h"], 1.2)],
)
def test_help_is_quick_and_imports_nothing_heavy(words: list[str], limit: float, tmp_path: Path) -> None:
    script = f"import sys; sys.argv[1:] = {words!r}; from henkan.cli.run import main; code = main(); "
    script += f"sys.exit(code or ', '.join(set(sys.modules) & set({HEAVY!r})) or 0)"
    seconds = []
    for _ in range(3):
        began = time.monotonic()
        done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
        seconds.append(time.monotonic() - began)
        assert done.returncode == 0, done.stderr
    assert min(seconds) < limit


def test_an_interrupt_exits_with_130(
    root: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def main(cfg: Any) -> None:
        raise KeyboardInterrupt

    root(main)
    monkeypatch.setattr(sys, "argv", ["henkan", "train"])
    assert main_of_this_process() == 130
    assert "Traceback" not in capsys.readouterr().err
