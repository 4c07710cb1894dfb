"""What was edited or damaged in a run's folder since is named."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from henkan.errors import UserError
from henkan.files import Damaged, digests
from henkan.runs.record import SCORED, TRAINED, altered, read_record, scored_again, write_record
from henkan.runs.run import run_name, write_config
from henkan.runs.trained import own_config, read_config


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run that has ended."""
    write_config(tmp_path, {"width": 64})
    (tmp_path / "pictures").mkdir()
    for name in ("metrics.csv", "scores.csv", "pictures/00_output.png"):
        (tmp_path / name).write_text("as it was")
    found = digests(tmp_path, (*TRAINED, *SCORED))
    write_record(tmp_path, {"identity": "x", "status": "done", "seconds": 7.5, "digests": found})
    return tmp_path


def test_nothing_is_named_where_nothing_was_changed(folder: Path) -> None:
    assert altered(folder) == []
    assert read_record(folder)["seconds"] == 7.5  # type: ignore[index]
    assert altered(folder / "nowhere") == []


def test_what_was_changed_or_removed_is_named(folder: Path) -> None:
    (folder / "scores.csv").write_text("as it wat")
    (folder / "pictures" / "00_output.png").unlink()
    assert altered(folder) == ["scores.csv", "pictures/00_output.png"]
    assert altered(folder, TRAINED) == []
    (folder / "run.json").write_text((folder / "run.json").read_text().replace("7.5", "3.5"))
    assert altered(folder, TRAINED) == ["run.json"]


def test_new_scores_do_not_hide_damaged_curves(folder: Path) -> None:
    for name in ("metrics.csv", "scores.csv"):
        (folder / name).write_text("new")
    record = read_record(folder)
    assert record is not None
    write_record(folder, {**record, "digests": scored_again(folder)})
    assert altered(folder) == ["metrics.csv"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"identity": "x"}', "\0" * 200])
def test_a_damaged_record_is_one_line_with_a_way_out(content: str, folder: Path) -> None:
    (folder / "run.json").write_text(content)
    with pytest.raises(Damaged, match=r"run\.json .*; without it the same command goes on from the checkpoint"):
        read_record(folder)


def test_a_config_edited_by_hand_is_named_so(folder: Path, composed: Any) -> None:
    cfg = composed([f"run={folder}"], "evaluate")
    assert own_config(cfg).width == 64
    (folder / "config.yaml").write_text("width: 32\n")
    with pytest.raises(UserError, match=r"config\.yaml was edited or damaged since the run was trained; .* run="):
        own_config(cfg)


BOMB = "a: &a [x, x]\n" + "".join(f"{new}: &{new} [*{old}, *{old}]\n" for old, new in pairwise("abcdefghijklmnopqrs"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (BOMB, "has aliases"),
        ("a: !!python/object/apply:os.system [touch pwned]", "is damaged or no config"),
        ("[" * 5000, "is damaged or no config"),
        ("a: [1", "is damaged or no config"),
        ("- 1", "is no config"),
        ("a: ${b", "is damaged or no config"),
    ],
)
def test_a_config_is_plain_yaml(content: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(content)
    with pytest.raises(Damaged, match=told) as error:
        read_config(tmp_path / "config.yaml")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("recipe", ["../../x", "/tmp/x", "a/b", ".hidden", "a\0b"])
def test_a_recipe_stays_inside_the_folder_of_runs(recipe: str) -> None:
    config = {"recipe": recipe, "loss": {"mse": {}}, "seed": 0}
    with pytest.raises(UserError, match="would be a folder's name elsewhere"):
        run_name(config, "0123456789abcdef")
    assert run_name({**config, "recipe": "glcic"}, "0123456789abcdef") == "glcic-mse-seed0-0123456789"
