from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import pandas as pd
import pytest
import torch
from omegaconf import DictConfig

from henkan.errors import UserError
from henkan.launching.execute import execute
from henkan.runs.plan import plan_run
from henkan.training.assemble import build_translator
from henkan.verbs import preview


def test_it_shows_what_the_networks_are_shown(
    tiny: list[str], composed: Callable[..., DictConfig], tmp_path: Path
) -> None:
    path = tmp_path / "shown" / "preview.png"
    cfg = composed([*tiny, f"output={path}", "samples=3"], "preview")
    preview.main(cfg)
    image = cv2.imread(str(path))
    assert image is not None
    assert image.std() > 10

    plan = plan_run(cfg)
    translator = build_translator(plan)
    columns = preview.pictures(plan, translator, 3, 0)
    assert list(columns) == [
        "target", "source", "for G: mask", "output",
        "D, real: image", "D, real: window", "D, fake: image", "D, fake: window",
    ]  # fmt: skip
    assert torch.equal(columns["D, real: image"], columns["target"])
    assert columns["D, fake: window"].shape == (3, 3, 16, 16)


def below(cfg: DictConfig, count: int = 3) -> preview.Block | None:
    plan = plan_run(cfg)
    return preview.scored_pictures(plan, build_translator(plan), count)


def test_it_shows_what_is_scored_as_it_is(tiny: list[str], composed: Callable[..., DictConfig], tmp_path: Path) -> None:
    shown = below(composed(tiny, "preview"))
    assert shown is not None
    assert execute("train", tiny).code == 0
    (run,) = (tmp_path / "runs").glob("glcic-*")
    samples = pd.read_csv(run / "samples.csv").set_index("file")
    assert len(shown.rows) == 3 and f"scored: 3 of {len(samples)} pictures of test" in shown.title
    assert "evaluation.framing=trained" in shown.title
    for row, mask, target, source in zip(
        shown.rows, *(shown.columns[name] for name in ("mask", "target", "source")), strict=True
    ):
        name, share = row.split(",")
        assert f"{100 * samples.area[name]:.3g} % missing" == share.strip()
        assert float(mask.mean()) == pytest.approx(samples.area[name], abs=1e-4)
        assert torch.equal(target * (1 - mask), source * (1 - mask)) and not torch.equal(target, source)
    # The same pictures that are kept of the run, which shows eight bits of them.
    names = json.loads((run / "pictures" / "index.json").read_text())
    for row, target in zip(shown.rows, shown.columns["target"], strict=True):
        number = names.index(row.split(",")[0])
        kept = cv2.imread(str(run / "pictures" / f"{number:02d}_target.png"))
        assert kept is not None
        assert torch.equal((target * 255).round(), torch.from_numpy(kept[..., ::-1].copy()).permute(2, 0, 1).float())


def test_whole_pictures_are_shown_whole(tiny: list[str], composed: Callable[..., DictConfig]) -> None:
    framed = below(composed([*tiny, "augmentation.resize=[32,32]", "augmentation.size=32"], "preview"))
    whole = below(composed([*tiny, "evaluation.framing=whole"], "preview"))
    assert framed is not None and whole is not None and whole.title.endswith("evaluation.framing=whole")
    sizes = [{tuple(image.shape[-2:]) for image in one.columns["target"]} for one in (framed, whole)]
    assert sizes[0] != sizes[1] and whole.columns["mask"][0].shape[-2:] == whole.columns["target"][0].shape[-2:]


def test_where_nothing_is_scored_it_says_so(
    tiny: list[str], composed: Callable[..., DictConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "preview.png"
    heights = []
    for words in ([], ["evaluation.split=null"]):
        preview.main(composed([*tiny, *words, f"output={path}", "samples=2"], "preview"))
        image = cv2.imread(str(path))
        assert image is not None
        heights.append(image.shape[0])
    assert capsys.readouterr().err.count("no scored pictures are drawn: evaluation.split is null") == 1
    assert heights[1] == pytest.approx(heights[0] / 2, abs=2)


def test_it_is_the_same_every_time(tiny: list[str], composed: Callable[..., DictConfig]) -> None:
    first, second = (below(composed(tiny, "preview"), 2) for _ in range(2))
    assert first is not None and second is not None and first.rows == second.rows
    for name, images in first.columns.items():
        assert all(torch.equal(one, other) for one, other in zip(images, second.columns[name], strict=True))


def test_it_is_written_as_png(tiny: list[str], composed: Callable[..., DictConfig], tmp_path: Path) -> None:
    for name in ("look", "look.jpg"):
        with pytest.raises(UserError, match=rf"output=.*{name}: a preview is a picture, FILE\.png"):
            preview.main(composed([*tiny, f"output={tmp_path / name}"], "preview"))
