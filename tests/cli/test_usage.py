"""What `--help` says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from henkan.cli.usage import overview
from henkan.launching.verbs import verbs


def henkan(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "henkan", *words],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_help_lists_every_verb_with_its_purpose() -> None:
    text = overview(verbs())
    for name in ("train", "evaluate", "study", "report", "check", "preview", "completion"):
        assert name in verbs()
        assert f"  {name}" in text
        assert verbs()[name].purpose.strip(), name


def test_help_of_a_verb_names_groups_options_and_keys(tmp_path: Path) -> None:
    text = henkan("train", "--help", cwd=tmp_path).stdout
    assert "usage: henkan train" in text
    # Lines are broken where they are full.
    assert "adversarial" in text and "(default [mse])" in " ".join(text.split())
    assert "seed=0" in text and "validation.every=" in text


def test_options_of_the_working_directory_are_in_the_help(tmp_path: Path) -> None:
    (tmp_path / "conf" / "loss").mkdir(parents=True)
    (tmp_path / "conf" / "loss" / "peculiar.yaml").touch()
    assert "peculiar" in henkan("train", "--help", cwd=tmp_path).stdout
