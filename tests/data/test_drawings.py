"""Sources of line drawings: OpenMoji's strokes, SVG folders, drawings in pixels, pairs, one picture."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from henkan.data.framing import Center, TurnCrop
from henkan.data.line_folder import LineFolder
from henkan.data.openmoji import family
from henkan.data.openmoji_lines import OpenMojiLines
from henkan.data.paired_lines import PairedLines
from henkan.data.single_picture import SinglePicture
from henkan.data.stream import EvaluationSet, TrainingStream
from henkan.data.svg_folder import SvgFolder
from henkan.degradations.identity import Identity
from henkan.errors import UserError

LINE = '<svg xmlns="http://www.w3.org/2000/svg" width="72" height="72"><path d="M9,9 L60,60" stroke="#000"/></svg>'
EMPTY = '<svg xmlns="http://www.w3.org/2000/svg" width="72" height="72"/>'


@pytest.fixture(scope="session")
def openmoji(tmp_path_factory: pytest.TempPathFactory) -> OpenMojiLines:
    data = OpenMojiLines(96, 2.0, tmp_path_factory.mktemp("cache"))
    data.prepare()
    return data


@pytest.mark.slow
def test_openmoji_is_split_by_families_and_every_drawing_has_strokes(openmoji: OpenMojiLines) -> None:
    splits = {split: set(map(family, openmoji.names(split))) for split in ("train", "val", "test")}
    assert sum(len(openmoji.names(split)) for split in splits) == 4494
    assert not splits["train"] & splits["test"] and not splits["train"] & splits["val"]
    assert all(len(openmoji.strokes(name)) for name in openmoji.names("test"))


def test_openmoji_is_drawn_with_one_pen_at_any_scale(openmoji: OpenMojiLines) -> None:
    stream = TrainingStream(openmoji, TurnCrop(64, [1.0, 1.5]), Identity(), seed=0)
    items = [stream["generator", k] for k in range(6)]
    assert all(item["target"].shape == (1, 64, 64) and item["target"].mean() < 255 * 0.99 for item in items)
    assert np.array_equal(stream["generator", 3]["target"], items[3]["target"])
    whole = EvaluationSet(openmoji, "test", None, Identity(), 0)[0]["target"]
    assert whole.shape == (1, 96, 96)
    small = EvaluationSet(openmoji, "test", Center(48, 48), Identity(), 0)[0]["target"]
    # Half the drawing's size with the same pen: half the ink, not a quarter.
    ink = [(255 - picture.astype(float)).sum() for picture in (small, whole)]
    assert 0.35 < ink[0] / ink[1] < 0.65


def test_the_strokes_of_a_sample_are_read_once(openmoji: OpenMojiLines, monkeypatch: pytest.MonkeyPatch) -> None:
    read, drawing = [], OpenMojiLines.drawing
    monkeypatch.setattr(OpenMojiLines, "drawing", lambda self, name: (read.append(name), drawing(self, name))[1])
    stream = TrainingStream(openmoji, TurnCrop(32, [1.0, 1.5]), Identity(), seed=0)
    assert [stream["generator", k]["name"] for k in range(3)] == read


@pytest.mark.parametrize("width", [0.0, -3.0])
def test_a_pen_has_a_width(tmp_path: Path, width: float) -> None:
    with pytest.raises(UserError, match="line_width"):
        OpenMojiLines(96, width, tmp_path)


def test_openmoji_reads_the_cache_in_a_spawned_worker(openmoji: OpenMojiLines) -> None:
    openmoji.picture("1F600.svg")
    other = pickle.loads(pickle.dumps(openmoji))
    assert other._store._arrays is None
    assert np.array_equal(other.picture("1F600.svg"), openmoji.picture("1F600.svg"))


def test_an_svg_folder_leaves_out_what_has_no_strokes_and_says_so(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "train").mkdir()
    for name, content in (("a", LINE), ("b", EMPTY), ("c", "no SVG")):
        (tmp_path / "train" / f"{name}.svg").write_text(content)
    data = SvgFolder(tmp_path, 32, cache=tmp_path / ".cache")
    assert data.names("train") == ("train/a.svg",)
    assert (
        "2 of 3 SVG files have no strokes or cannot be read, and are left out: train/b.svg, train/c.svg"
        in capsys.readouterr().err
    )
    assert data.picture("train/a.svg").min() == 0
    (tmp_path / "train" / "a.svg").write_text(EMPTY)
    with pytest.raises(UserError, match="has strokes"):
        SvgFolder(tmp_path, 32, cache=tmp_path / ".cache")


def drawing(path: Path, height: int, width: int, tone: int = 100) -> None:
    page = np.full((height, width), 255, np.uint8)
    cv2.line(page, (2, 2), (width - 3, height - 3), tone, 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), page)


def test_a_line_folder_is_grey_black_under_the_threshold_and_sampled_by_area(tmp_path: Path) -> None:
    drawing(tmp_path / "train" / "small.png", 20, 20)
    drawing(tmp_path / "train" / "large.png", 60, 60)
    data = LineFolder(tmp_path, threshold=0.9)
    assert data.picture("train/large.png").shape == (60, 60, 1)
    assert set(np.unique(data.picture("train/large.png"))) <= {0, *range(230, 256)}
    assert 100 in LineFolder(tmp_path).picture("train/large.png")
    drawing(tmp_path / "pairs" / "source" / "train" / "small.png", 20, 20)
    drawing(tmp_path / "pairs" / "source" / "train" / "large.png", 60, 60)
    (tmp_path / "pairs" / "target").symlink_to(tmp_path / "pairs" / "source")
    for kind in (data, PairedLines(tmp_path / "pairs")):
        chosen = np.concatenate([kind.epoch(np.random.default_rng(seed)) for seed in range(500)])
        # 60 x 60 against 20 x 20: nine times as often; the large one comes first.
        assert (chosen == 0).mean() == pytest.approx(0.9, abs=0.03)


def test_pairs_are_grey_and_their_targets_black_and_white(tmp_path: Path) -> None:
    drawing(tmp_path / "source" / "train" / "a.png", 24, 24, 180)
    drawing(tmp_path / "target" / "train" / "a.png", 24, 24, 100)
    data = PairedLines(tmp_path)
    assert data.picture("train/a.png").min() == 0
    assert data.companions("train/a.png")["source"].min() == 180
    item = TrainingStream(data, TurnCrop(16, [1.0, 1.5]), Identity(), seed=0)["generator", 0]
    assert item["source"].shape == item["target"].shape == (1, 16, 16)


def test_targets_are_black_and_white_again_once_they_are_shrunk_and_turned(tmp_path: Path) -> None:
    for side in ("source", "target"):
        for number in range(2):
            drawing(tmp_path / side / "train" / f"{number}.png", 60, 50, 100)

    def greys(pixels: np.ndarray) -> int:
        return int(((pixels > 0) & (pixels < 255 * 0.6)).sum())

    framing = TurnCrop(24, [1.5, 2.0])
    for data in (LineFolder(tmp_path / "target", threshold=0.9), PairedLines(tmp_path)):
        items = [TrainingStream(data, framing, Identity(), seed=0)["generator", k] for k in range(8)]
        assert all(greys(item["target"]) == 0 for item in items)
        assert min(int(item["target"].min()) for item in items) == 0
    # Sources are not, nor are targets that were to stay grey.
    assert any(greys(item["source"]) for item in items)
    soft = TrainingStream(LineFolder(tmp_path / "target"), framing, Identity(), seed=0)["generator", 0]["target"]
    assert greys(soft)
    # Shrunk without turning: the threshold itself.
    shrunk = Center(30, 30).draw(60, 50, np.random.default_rng(0), "a")(
        LineFolder(tmp_path / "target", 0.9).picture("train/0.png"), 0.9
    )
    assert not ((shrunk > 0) & (shrunk < 255 * 0.9)).any()


def test_one_picture_is_in_every_split(tmp_path: Path) -> None:
    drawing(tmp_path / "a.png", 24, 30)
    data = SinglePicture(tmp_path / "a.png")
    assert data.names("train") == data.names("val") == data.names("test") == ("a.png",)
    assert data.picture("a.png").shape == (24, 30, 1)
    assert data.picture("a.png") is data.picture("a.png"), "decoded once"
    assert SinglePicture(tmp_path / "a.png", channels=3).picture("a.png").shape == (24, 30, 3)
    assert SinglePicture("sklearn/china.jpg", channels=3).picture("china.jpg").shape == (427, 640, 3)
    with pytest.raises(UserError, match="there is no picture"):
        SinglePicture(tmp_path / "b.png")
    with pytest.raises(UserError, match="must be 1 .grey. or 3"):
        SinglePicture(tmp_path / "a.png", channels=2)


def test_light_lines_on_dark_paper_are_refused_or_turned_around(tmp_path: Path) -> None:
    for side in ("source", "target"):
        for name in "abc":
            drawing(tmp_path / side / "train" / f"{name}.png", 40, 40)
            page = 255 - cv2.imread(str(tmp_path / side / "train" / f"{name}.png"))
            cv2.imwrite(str(tmp_path / side / "train" / f"{name}.png"), page)
    for kind, path in ((LineFolder, tmp_path / "target"), (PairedLines, tmp_path)):
        with pytest.raises(UserError, match="light lines on dark paper.*data.invert=true"):
            kind(path).prepare()
        data = kind(path, invert=True)
        data.prepare()
        assert data.picture("train/a.png").mean() > 200
        assert data.manifest() != kind(path).manifest()
    assert PairedLines(tmp_path, invert=True).companions("train/a.png")["source"].mean() > 200
    # What is right already is not to be turned.
    drawing(tmp_path / "right" / "a.png", 40, 40)
    LineFolder(tmp_path / "right").prepare()
    with pytest.raises(UserError, match="drop data.invert=true"):
        LineFolder(tmp_path / "right", invert=True).prepare()
