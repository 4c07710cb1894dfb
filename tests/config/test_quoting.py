"""Any name that a shell can give is a path: the command line puts the quotes of Hydra's grammar."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from henkan.config.composition import compose_root
from henkan.config.quoting import quote, quoted

NAMES = [
    *("写真.png", "photo (1).png", "it's.png", "a#1.png", "a,b.png", "a=b.png", "a[1].png", "a;b.png", "a&b.png"),
    *("2024", "1e5", "007", "true", "a b.png", "foo(1).png", "epoch=3-step=10.ckpt", "C:\\x y", 'say "hi".png'),
    *(" a.png", "a .png", "!$a.png", "it's \\' odd.png", "ends\\", "(1).png", "ä/ö ü.png", "100%.png", "'tis.png"),
]


@pytest.mark.parametrize("key", ["input", "data.path", "init", "paths.runs"])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_what_it_says(key: str, name: str) -> None:
    for given in (name, f"folder/{name}"):
        assert OverridesParser.create().parse_override(quote(f"{key}={given}")).value() == given
        # Whoever starts another command with it may quote it again.
        assert quote(quote(f"{key}={given}")) == quote(f"{key}={given}")


@pytest.mark.parametrize(
    "word",
    [
        *(
            "input=a.png",
            "input='a,b.png'",
            'input="写真.png"',
            "input=null",
            "mask=photos/*.png",
            "input=",
            "loss=[mse]",
        ),
        *(
            "data.path=${paths.cache}/x",
            r"input=a\,b.png",
            "seed=0,1",
            "weights.mse=5",
            "points=[[1,2,red]]",
            "points=5",
        ),
        *("size=2024", "--multirun", "experiment=glcic", "loss=[mse", "~data"),
    ],
)
def test_what_needs_no_quotes_gets_none(word: str) -> None:
    assert quote(word) == word


def test_home_is_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert quote("input=~/a.png") == "input='/home/ada/a.png'"


def test_commas_are_a_sweep_unless_there_is_such_a_file(tmp_path: Path) -> None:
    words = ["-m", f"init={tmp_path}/a,b"]
    assert quoted(words) == words
    (tmp_path / "a,b").touch()
    assert quoted(words)[1] == f"init='{tmp_path}/a,b'"


def test_a_config_has_the_name_itself() -> None:
    cfg = compose_root("train", ["data=image_folder", "data.path=2024", "init=runs/epoch=3-step=10.ckpt"])
    assert cfg.data.path == "2024" and cfg.init == "runs/epoch=3-step=10.ckpt"
