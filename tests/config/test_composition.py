"""Configs composed outside of Hydra's main."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from henkan.config.composition import compose_root


def test_user_code_in_the_working_directory_counts_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf" / "loss").mkdir(parents=True)
    (tmp_path / "conf" / "loss" / "mine.yaml").write_text("mine: {_target_: mine_by_cli.Mine}\n")
    (tmp_path / "mine_by_cli.py").write_text("class Mine:\n    pass\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    cfg = compose_root("train", ["loss=[mse,mine]"])
    assert list(cfg.loss) == ["mse", "mine"]
    assert __import__("mine_by_cli").Mine
