"""What `henkan new` writes works at once, whatever its kind and name; what cannot be is refused before anything is."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import yaml

from henkan.config.trees import groups
from henkan.errors import UserError
from henkan.starting.start import KINDS, start
from henkan.trying.options import CHOICES
from henkan.verbs import new


def test_there_is_a_template_of_each_kind_that_can_be_tried() -> None:
    assert set(KINDS) == set(CHOICES) <= set(groups())


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_works_at_once(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = start(kind, f"begun_{kind}_here", tmp_path)
    names = [f"begun_{kind}_here.py", f"conf/{kind}/begun_{kind}_here.yaml", f"tests/test_begun_{kind}_here.py"]
    assert [path.relative_to(tmp_path).as_posix() for path in started.files] == names
    assert f"class Begun{kind.capitalize()}Here" in started.files[0].read_text()
    assert not any("mine" in path.read_text().lower().replace("determine", "") for path in started.files)
    # From anywhere: the test says itself which folder it is of.
    monkeypatch.chdir(tmp_path.parent)
    tests = [value for name, value in runpy.run_path(str(started.files[2])).items() if name.startswith("test_")]
    assert len(tests) >= 2
    for test in tests:
        test()


def test_the_verb_says_what_to_do_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert new.main(["loss", "sharper_edges"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[:3] == ["sharper_edges.py", "conf/loss/sharper_edges.yaml", "tests/test_sharper_edges.py"]
    assert "henkan train experiment=glcic scale=smoke 'loss=[mse,sharper_edges]' weights.sharper_edges=0.5" in printed
    node = yaml.safe_load((tmp_path / "conf" / "loss" / "sharper_edges.yaml").read_text())
    assert node["loss"]["sharper_edges"]["_target_"] == "sharper_edges.SharperEdges"
    with pytest.raises(UserError, match="name a kind and a name"):
        new.main(["loss"])


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("losss", "mine", "did you mean 'loss'"),
        ("loss", "two words", "can be no name"),
        ("loss", "../mine", "can be no name"),
        ("loss", "Mine", "can be no name"),
        ("loss", "2d", "can be no name"),
        ("loss", "lambda", "can be no name"),
        ("loss", "mse", "there is a loss=mse already"),
        ("loss", "on", "'on' is a value in YAML"),
        ("metric", "null", "'null' is a value in YAML"),
        ("loss", "nan", "'nan' is a value in YAML"),
        ("augmentation", "cut", "Cut is called so in what yours would be made of"),
        ("task", "composed", "Composed is called so"),
        ("loss", "json", "a module called json is installed"),
        ("loss", "taken", r"tests/test_taken.py is there already"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    kind: str, name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_taken.py").write_text("")
    with pytest.raises(UserError, match=message):
        start(kind, name, tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["test_taken.py"]


def test_a_file_that_cannot_be_written_takes_the_others_with_it(tmp_path: Path) -> None:
    (tmp_path / "tests").write_text("no folder")
    with pytest.raises(UserError, match="nothing was written"):
        start("loss", "sharper_edges", tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["tests"]
