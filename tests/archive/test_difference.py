"""What two runs differ in."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_runs import write_run

from henkan.archive.difference import NOTHING, difference
from henkan.archive.index import Archive, Entry
from henkan.errors import UserError


def pair(runs: Path) -> tuple[Archive, Entry, Entry]:
    archive = Archive(runs)
    one, other = sorted(archive.entries, key=lambda entry: entry.title)
    return archive, one, other


def test_settings_sources_data_and_scores_apart(tmp_path: Path) -> None:
    hashes = {"code": {"a": "1", "b": "2", "only": "3"}, "manifests": {"paired": "f" * 32}}
    moved = {"code": {"a": "1", "b": "9"}, "manifests": {"paired": "e" * 32}}
    write_run(tmp_path, "a", metrics={"psnr": 20.0, "l1": 3.0}, **hashes)
    write_run(tmp_path, "b", seed=1, alpha=0.01, metrics={"psnr": 20.5}, config={"init": "x", "paths": None}, **moved)
    found = difference(*pair(tmp_path))
    assert found.settings == [
        ("seed", 0, 1),
        ("init", "null", "x"),
        ("loss.adversarial", NOTHING, "Adversarial"),
        ("weights.adversarial", NOTHING, 0.01),
        # What no weight depends on is the last.
        ("paths", "there", "null"),
    ]
    assert found.facts == [("data of paired", "f" * 10, "e" * 10), ("source b", "2", "9")]
    assert found.scores == [("psnr", 20.0, 20.5), ("l1", 3.0, None)]
    assert found.directions == {"psnr": "higher", "l1": "lower"}
    assert found.remarks == []


def test_scores_of_other_pictures_one_run_twice_and_edited_files_are_said(tmp_path: Path) -> None:
    one = write_run(tmp_path, "a", metrics={"psnr": 20.0})
    identity = Archive(tmp_path).entries[0].identity
    # The generator is no part of how scores are taken.
    wide = {"generator": {"_target_": "henkan.generators.glcic.GLCIC", "width": 0.5}}
    scores = {"psnr": 20.0, "l1": 3.0}
    other = write_run(
        tmp_path, "b", seed=1, config=wide, metrics=scores, identity=identity, digests={"config.yaml": ""}
    )
    same, edited = difference(*pair(tmp_path)).remarks
    assert "one run" in same and edited == f"{other.name}: edited or damaged since: config.yaml"
    for folder, names in ((one, "ab"), (other, "ac")):
        (folder / "scores.csv").write_text("file,psnr\n" + "".join(f"{name},20\n" for name in names))
    assert difference(*pair(tmp_path)).remarks[1].startswith("psnr: these scores do not compare")
    (other / "scores.csv").write_bytes((one / "scores.csv").read_bytes())
    assert len(difference(*pair(tmp_path)).remarks) == 2
    (other / "config.yaml").write_text((other / "config.yaml").read_text() + "evaluation: {split: val}\n")
    assert difference(*pair(tmp_path)).remarks[1].startswith("psnr: these scores do not compare")


def test_a_run_without_a_config_cannot_be_compared(tmp_path: Path) -> None:
    write_run(tmp_path, "a")
    (write_run(tmp_path, "b", seed=1) / "config.yaml").unlink()
    with pytest.raises(UserError, match=r"glcic-mse-seed1-\w+ cannot be compared: .*config.yaml cannot be read"):
        difference(*pair(tmp_path))
