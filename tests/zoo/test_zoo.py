"""The networks that come with henkan: their cards, their scores, their size; and how one is made."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf
from PIL import Image
from tiny_model import write_model

from henkan.config.composition import compose_root
from henkan.errors import UserError
from henkan.launching.execute import execute
from henkan.training import model_file
from henkan.verbs.zoo import LARGEST
from henkan.zoo import networks
from henkan.zoo_cards.card import portable
from henkan.zoo_cards.markdown import markdown
from henkan.zoo_cards.scores import compared, matches, scored
from henkan.zoo_cards.sheet import Sheet

REPOSITORY = Path(__file__).parents[2]
SHEETS = REPOSITORY / "experiments" / "zoo"
# Of each network's test pictures, how many are scored again here, and how far a score may be off on another machine.
AGAIN, WITHIN = 3, 0.02
# Those whose data are drawn first, all of them, or whose baseline takes its time.
SLOW = ("color", "color_guided", "completion", "lines", "sketch")
# How far the mean over all of them may be off.
MEAN_WITHIN = 0.005
# What all of them may take in the wheel, in bytes.
ALL = 20_000_000


def test_the_networks_fit_into_the_wheel() -> None:
    sizes = {name: networks.find(name).stat().st_size for name in networks.names()}
    assert all(size <= LARGEST for size in sizes.values()) and sum(sizes.values()) <= ALL


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in networks.names()]
)
def test_a_network_has_the_scores_of_its_card(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    card, model = networks.card(name), networks.find(name)
    assert card["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    words = [*card["test"], f"evaluation.pictures={AGAIN}", f"paths.cache={tmp_path / 'cache'}"]
    ours, _ = scored(model, words, tmp_path / "model")
    base, _ = scored(model, words, tmp_path / "baseline", card["instead"])
    assert len(ours) == AGAIN and matches(card, ours, base, WITHIN) == []
    # What it says of all of them follows from those that it lists.
    tables = [
        pd.DataFrame([row[who] for row in card["pictures"]], [row["file"] for row in card["pictures"]])
        for who in ("model", "baseline")
    ]
    again = compared(*tables, {row["name"]: row["better"] for row in card["scores"]})
    assert [row["beats"] for row in again] == [row["beats"] for row in card["scores"]]
    for told, found in zip(card["scores"], again, strict=True):
        assert found["difference"]["mean"] == pytest.approx(told["difference"]["mean"], abs=2e-3)
    assert card["scores"][0]["beats"] or "does **not** beat" in markdown(card)


@pytest.mark.slow
@pytest.mark.parametrize("name", networks.names())
def test_a_network_has_the_mean_scores_of_its_card(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over all pictures of its card, and it beats its baseline where the card says so."""
    monkeypatch.chdir(REPOSITORY)
    card, model = networks.card(name), networks.find(name)
    words = [*card["test"], f"paths.cache={tmp_path / 'cache'}"]
    ours, _ = scored(model, words, tmp_path / "model")
    base, _ = scored(model, words, tmp_path / "baseline", card["instead"])
    assert list(ours.index) == [row["file"] for row in card["pictures"]]
    again = compared(ours, base, {row["name"]: row["better"] for row in card["scores"]})
    for told, found in zip(card["scores"], again, strict=True):
        assert found["model"]["mean"] == pytest.approx(told["model"]["mean"], rel=MEAN_WITHIN)
        assert found["baseline"] == pytest.approx(told["baseline"], rel=MEAN_WITHIN)
        assert found["beats"] == told["beats"]


@pytest.mark.parametrize("path", sorted(SHEETS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_sheet_can_be_read(path: Path) -> None:
    sheet = Sheet.read(path)
    assert sheet.scores and sheet.licence and "BSDS" not in sheet.data


@pytest.mark.parametrize("name", networks.names())
def test_a_sheet_and_its_card_train_alike(name: str) -> None:
    """`henkan zoo build` takes the sheet, and a reader the command on the card."""
    told, sheet = networks.card(name)["train"], Sheet.read(SHEETS / f"{name}.yaml").train
    card, ours = (OmegaConf.to_container(compose_root("train", words), resolve=True) for words in (told, sheet))
    assert ours == card


def test_a_network_is_made_with_its_card(
    drawings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a model file as its run; an untrained network beats nothing, and its card says so."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(networks, "FOLDER", tmp_path / "zoo")
    (tmp_path / "experiments" / "zoo").mkdir(parents=True)
    sheet = {
        "title": "clean lines",
        "train": ["experiment=sketch_simplification_2016", "scale=smoke"],
        "data": "Circles.",
        "licence": "CC0",
        "test": ["data=line_folder", f"data.path={drawings}", f"paths.cache={tmp_path / 'cache'}"],
        "scores": ["mse"],
        "baseline": "the rough drawing itself",
        "instead": ["generator=unchanged"],
        "cannot": "It learned nothing.",
    }
    (tmp_path / "experiments" / "zoo" / "tiny.yaml").write_text(OmegaConf.to_yaml(sheet))
    file = write_model(tmp_path / "from.safetensors", "line_drawing")
    assert execute("zoo", ["build", "tiny", f"run={file}"]).code == 0
    card = json.loads((tmp_path / "zoo" / "tiny.json").read_text())
    (row,) = card["scores"]
    assert (row["name"], row["better"], row["beats"]) == ("mse", "lower", False) and row["difference"]["low"] > 0
    assert card["task"] == "line_drawing" and len(card["pictures"]) == 3
    assert model_file.said(tmp_path / "zoo" / "tiny.safetensors")["recipe"] == "sketch_simplification_2016"
    text = (tmp_path / "experiments" / "zoo" / "tiny.md").read_text()
    assert "does **not** beat the rough drawing itself in mse" in text and "It learned nothing." in text
    with Image.open(tmp_path / "experiments" / "zoo" / "tiny.jpg") as picture:
        assert picture.format == "JPEG" and picture.height > 100
    capsys.readouterr()
    assert execute("zoo", []).code == 0 and execute("zoo", ["tiny"]).code == 0
    said = capsys.readouterr().out
    assert "tiny line_drawing: clean lines" in said and markdown(card) in said
    assert execute("zoo", ["tini"]).code == 2
    assert "there is no model 'tini' (did you mean 'tiny'?)" in capsys.readouterr().err
    assert execute("zoo", ["build", "other"]).code == 2
    assert "there is no experiments/zoo/other.yaml" in capsys.readouterr().err
    # What is too large leaves nothing behind.
    (tmp_path / "experiments" / "zoo" / "large.yaml").write_text(OmegaConf.to_yaml(sheet))
    monkeypatch.setattr("henkan.verbs.zoo.LARGEST", 1)
    assert execute("zoo", ["build", "large", f"run={file}"]).code == 2
    assert "large has " in capsys.readouterr().err and [path.name for path in tmp_path.rglob("large*")] == [
        "large.yaml"
    ]


def test_a_sheet_says_what_it_must(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("title: a\n")
    with pytest.raises(UserError, match=r"a\.yaml is to say title, train, data, licence, test"):
        Sheet.read(tmp_path / "a.yaml")


def test_a_card_names_no_place_of_this_machine() -> None:
    run = ["experiment=srresnet", "data.path=/home/me/photos", "init=/home/me/runs/a", "seed=1"]
    run += ["paths.runs=/tmp/runs", "logger=csv", "trainer.threads=1", "++trainer.precision=bf16-mixed"]
    told = ["experiment=srresnet", "init=model:sr"]
    assert portable(run, told) == [
        *("experiment=srresnet", "data.path=photos", "init=model:sr", "seed=1", "++trainer.precision=bf16-mixed")
    ]


def test_a_score_that_is_another_is_named() -> None:
    rows = [{"file": "a", "model": {"psnr": 30.0}, "baseline": {"psnr": 20.0}}]
    table = pd.DataFrame({"psnr": [30.1]}, ["a"])
    (line,) = matches({"pictures": rows}, table, table, within=0.02)
    assert line == "a: psnr of the baseline is 30.1, and 20 on the card"


def test_what_is_better_and_by_how_much() -> None:
    generator = np.random.default_rng(0)
    base = pd.DataFrame({"psnr": generator.normal(20, 3, 40), "mse": generator.normal(5, 1, 40)})
    ours = base.add(generator.normal([1.0, 0.5], 0.1, (40, 2)))
    up, down = compared(ours, base, {"psnr": "higher", "mse": "lower"})
    assert up["beats"] and not down["beats"]
    assert up["difference"]["low"] < 1.0 < up["difference"]["high"] + 0.1 and up["difference"]["low"] > 0.9
    assert not compared(base, base, {"psnr": "higher"})[0]["beats"]
