"""Edited pictures: only the edit tells a part from the rest, and an edit that changes nothing tells nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from henkan.baselines.telea import Telea
from henkan.data.stream import collate
from henkan.degradations.edited import Edited
from henkan.degradations.edits import Edit, Filled, Nothing, Paste, faded
from henkan.degradations.free_form import Boxes, FreeForm, Strokes
from henkan.degradations.holes import Holes, Rectangle
from henkan.degradations.jpeg import compressed
from henkan.errors import UserError
from henkan.metrics.detection import AUROC, AveragePrecision
from henkan.randomness import generator_for
from henkan.sample import to_float

SIDE = 32
FILLERS: dict[str, Edit | None] = {"telea": Filled(Telea()), "paste": Paste(), "nothing": Nothing(), "missing": None}


def edited(holes: Holes | None = None, **settings: Any) -> Edited:
    given = {"shares": {"telea": 1.0, "paste": 1.0}, "untouched": 0.0, **settings}
    return Edited(holes or Rectangle(8, 12, 16, [0.0] * 3), FILLERS, **given)


def picture(seed: int = 0, side: int = SIDE) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def samples(degradation: Edited, count: int = 6) -> tuple[dict[str, Any], Tensor]:
    """A batch of degraded samples, and what the pictures had been (B, 3, H, W)."""
    items = []
    for i in range(count):
        target = picture(i)
        drawn = degradation.draw(target, generator_for(0, i))
        items.append({**drawn, "target": target.transpose(2, 0, 1), "name": str(i), "index": i})
    batch = to_float(collate(items))
    return dict(degradation.apply(batch)), batch["target"]


def recompressed(pictures: Tensor, sample: dict[str, Any]) -> Tensor:
    return compressed(pictures, sample["parameters"][:, 0].float())


def test_the_source_is_edited_and_the_target_is_the_mask() -> None:
    sample, before = samples(edited())
    assert sample["source"].shape == (6, 3, SIDE, SIDE) and sample["target"].shape == (6, 1, SIDE, SIDE)
    assert sample["target"].unique().tolist() == [0.0, 1.0]
    # Losses that look at a mask would see what was edited alone.
    assert "mask" not in sample
    assert sample["target"].mean((1, 2, 3)).tolist() == pytest.approx(sample["area"].tolist())
    assert set(sample["kind"]) <= {"telea", "paste"}
    changed = (sample["source"] != recompressed(before, sample)).any(1)
    assert all(changed[k][sample["target"][k, 0] > 0].any() for k in range(6))


def test_the_whole_picture_is_of_8_bits_and_compressed_once_more() -> None:
    degradation = edited(quality=[30, 30])
    for kind in ("telea", "paste", "nothing"):
        degradation = edited(quality=[30, 30], only=kind)
        target, rng = picture(), generator_for(0, 0)
        drawn = degradation.draw(target, rng)
        sample = to_float(collate([{**drawn, "target": target.transpose(2, 0, 1)}]))
        source = degradation.apply(sample)["source"]
        assert torch.equal(source, compressed(sample["source"], torch.tensor([30.0])))
        assert torch.equal(source, source.mul(255).round().div(255))
        # Far from the edit, too.
        assert (source != sample["target"])[..., sample["mask"][0, 0] == 0].float().mean() > 0.5


def test_an_edit_of_nothing_leaves_nothing_to_find() -> None:
    sample, before = samples(edited(only="nothing"))
    difference = (sample["source"] - recompressed(before, sample)).abs().sum(1, keepdim=True)
    assert not difference.any() and sample["area"].min() > 0
    # Who knows the original finds no more than one who says the same everywhere.
    assert AUROC()(difference, sample["target"]).tolist() == [0.5] * 6
    assert AveragePrecision()(difference, sample["target"]).tolist() == pytest.approx(sample["area"].tolist())
    found, before = samples(edited(only="telea"))
    difference = (found["source"] - recompressed(before, found)).abs().sum(1, keepdim=True)
    assert AUROC()(difference.clamp(max=1), found["target"]).min() > 0.8, "and whoever knows it finds an edit"


def test_a_share_is_untouched() -> None:
    degradation = edited(untouched=0.3)
    kinds = [degradation.draw(picture(side=16), generator_for(0, i)) for i in range(400)]
    plain = [drawn for drawn in kinds if drawn["kind"] == "untouched"]
    assert len(plain) == pytest.approx(120, abs=30)
    assert all(not drawn["mask"].any() and drawn["area"] == 0 for drawn in plain)
    assert all((drawn["source"] == picture(side=16).transpose(2, 0, 1)).all() for drawn in plain)
    telea = sum(drawn["kind"] == "telea" for drawn in kinds)
    assert telea == pytest.approx(140, abs=30), "the others are as frequent as their shares say"
    qualities = [int(drawn["parameters"][0]) for drawn in kinds]
    assert (min(qualities), max(qualities)) == (60, 95)


def test_the_holes_are_those_of_the_given_kind() -> None:
    small = FreeForm([0.0] * 3, Strokes([1, 1], 2, 4, [2, 6], [2, 4]), Boxes(1, 4, 6, 1))
    areas = [edited(small).draw(picture(), generator_for(0, i))["area"].item() for i in range(60)]
    assert min(areas) > 0 and max(areas) < 0.15
    areas = [edited().draw(picture(), generator_for(0, i))["area"].item() for i in range(60)]
    assert min(areas) >= 64 / SIDE**2 and max(areas) <= 144 / SIDE**2


def test_no_place_is_more_likely_than_another() -> None:
    masks = [edited().draw(picture(side=16), generator_for(0, i))["mask"][0] for i in range(1500)]
    mean = np.mean(masks, axis=0)
    # Four standard deviations of a share of 0.39 in 1500 draws; unmoved, a rectangle hardly ever meets a corner.
    assert np.abs(mean - mean.mean()).max() < 4 * 0.5 / np.sqrt(1500)
    alone = np.mean(
        [Rectangle(8, 12, 16, [0.0] * 3).draw(picture(side=16), generator_for(i))["mask"] for i in range(200)], 0
    )
    assert alone.max() - alone.min() > 0.5


def test_who_edits_changes_neither_hole_nor_quality() -> None:
    draws = [edited(only=kind, untouched=0.5) for kind in ("telea", "paste", "nothing")]
    for i in range(12):
        first, *others = (one.draw(picture(), generator_for(0, i)) for one in draws)
        for other in others:
            assert all((first[key] == other[key]).all() for key in ("mask", "parameters", "window"))
            assert (first["kind"] == "untouched") == (other["kind"] == "untouched")


def test_the_draw_is_a_function_of_the_generator_and_leaves_the_picture() -> None:
    target = picture()
    kept = target.copy()
    first, again, other = (edited().draw(target, generator_for(seed)) for seed in (0, 0, 1))
    assert all(np.array_equal(first[key], again[key]) for key in first)
    assert any(not np.array_equal(first[key], other[key]) for key in first)
    assert (target == kept).all()


def test_a_paste_is_of_another_place_and_fades_at_its_edge() -> None:
    hole = np.zeros((SIDE, SIDE), bool)
    hole[8:19, 8:19] = True
    target = np.zeros((SIDE, SIDE, 3), np.uint8)
    target[:, :, 0], target[:, :, 1] = np.arange(SIDE)[:, None] * 5, np.arange(SIDE)[None] * 5
    for i in range(20):
        made = Paste(feather=0.0, mirrored=0.0).edit(target, hole, generator_for(i))
        moved = made[8:19, 8:19].astype(int) - target[8:19, 8:19]
        assert len(np.unique(moved.reshape(-1, 3), axis=0)) == 1 and moved.any()
        turned = Paste(feather=0.0, mirrored=1.0).edit(target, hole, generator_for(i))
        assert (np.diff(turned[8:19, 8:19, 1].astype(int), axis=1) == -5).all()
    share = faded(hole.astype(np.uint8), 2.0)
    assert share[13, 8:14].tolist() == pytest.approx([1 / 3, 2 / 3, 1, 1, 1, 1]) and not share[~hole].any()
    # Of a hole as large as the picture there is only the mirror image.
    whole = np.ones((SIDE, SIDE), bool)
    assert (Paste(0.0, 0.0).edit(target, whole, generator_for(0)) == target[:, ::-1]).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shares": {}}, "no filler has a share above 0"),
        ({"shares": {"telea": 0.0}}, "no filler has a share above 0"),
        ({"shares": {"telea": 2.0, "paste": -1.0}}, r"shares\.paste=-1\.0 must be 0 or more"),
        ({"shares": {"lama": 1.0}}, r"shares\.lama: there is no such filler, but telea, paste"),
        ({"only": "missing"}, "only=missing is none of the fillers: telea, paste, nothing"),
        ({"untouched": 1.5}, "untouched=1.5"),
        ({"quality": [0, 90]}, r"quality=\[0, 90\]"),
        ({"quality": [95, 60]}, r"quality=\[95, 60\]"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        edited(**settings)


def test_bad_pictures() -> None:
    with pytest.raises(UserError, match="does not fit a picture of 12x12"):
        edited().draw(picture(side=12), generator_for(0))
    with pytest.raises(UserError, match="not in grey drawings"):
        edited().draw(picture()[..., :1], generator_for(0), "a.png")
    with pytest.raises(UserError, match=r"a\.png: the holes cover the whole picture"):
        edited(Rectangle(16, 16, 16, [0.0] * 3)).draw(picture(side=16), generator_for(0), "a.png")
    with pytest.raises(UserError, match="feather=-1"):
        Paste(feather=-1.0)
