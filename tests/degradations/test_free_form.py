from typing import Any

import numpy as np
import pytest
import torch

from henkan.degradations.free_form import Boxes, FreeForm, Strokes
from henkan.errors import UserError
from henkan.randomness import generator_for

STROKES = Strokes(count=[1, 6], segments=5, angles=4, length=[2, 26], width=[1, 13])
# Of pictures of 256 pixels.
RELEASED = Strokes(count=[1, 6], segments=5, angles=4, length=[10, 209], width=[5, 104])
BOXES = Boxes(count=4, low=4, high=18, margin=2)
FILL = [0.1, 0.2, 0.3]


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("shape", [(32, 32), (24, 50)])
def test_masks(share: float, shape: tuple[int, int]) -> None:
    holes = FreeForm(FILL, STROKES, BOXES, share)
    target = np.zeros((*shape, 3), np.uint8)
    covered, distinct = [], set()
    for i in range(300):
        drawn = holes.draw(target, generator_for(0, i))
        mask = drawn["mask"]
        assert mask.shape == (1, *shape) and mask.dtype == np.uint8 and set(np.unique(mask)) <= {0, 1}
        rows, columns = np.nonzero(mask[0])
        expected = [(rows.min() + rows.max() + 1) // 2, (columns.min() + columns.max() + 1) // 2]
        assert drawn["window"].dtype == np.int64 and drawn["window"].tolist() == expected
        covered.append(mask.mean())
        distinct.add(mask.tobytes())
    assert len(distinct) > 290
    assert 0.1 < np.mean(covered) < 0.6


def test_strokes_cover_what_the_release_s_do() -> None:
    """Its own functions, drawn 20,000 times: 0.456 on average, deviation 0.214, more than half in 0.452 of them."""
    areas, mask = [], np.zeros((256, 256), np.uint8)
    for i in range(3000):
        mask[:] = 0
        RELEASED.draw(mask, generator_for(0, i))
        areas.append(mask.mean())
    assert np.mean(areas) == pytest.approx(0.456, abs=0.015)
    assert np.std(areas) == pytest.approx(0.214, abs=0.01)
    assert np.mean(np.array(areas) > 0.5) == pytest.approx(0.452, abs=0.03)


def test_the_first_stroke_goes_left_and_the_second_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of a stroke keep to a side, join, and point 0.01, 1.01, 2.01 or 3.01 radians away from straight down."""
    lines: list[tuple[tuple[int, int], tuple[int, int], int]] = []
    monkeypatch.setattr("cv2.line", lambda mask, start, end, one, width: lines.append((start, end, width)))
    strokes = Strokes([1, 3], 5, 4, [100, 110], [5, 8])
    # So wide and high that no segment is cut short.
    page = np.broadcast_to(np.uint8(0), (10**7, 10**7))
    counts, turns, lengths, widths = set(), set(), set(), set()
    for i in range(300):
        lines.clear()
        strokes.draw(page, generator_for(0, i))
        side, count = -1, 1
        for k, (start, end, width) in enumerate(lines):
            if k and start != lines[k - 1][1]:
                side, count = -side, count + 1
            across, down = end[0] - start[0], end[1] - start[1]
            assert side * across >= 0
            turns.add(abs(round(abs(np.arctan2(across, down)) - 0.01, 1)))
            lengths.add(round(np.hypot(across, down)))
            widths.add(width)
        counts.add(count)
    assert counts == {1, 2, 3} and turns == {0.0, 1.0, 2.0, 3.0}
    assert lengths == set(range(100, 111)) and widths == {5, 6, 7, 8}


@pytest.mark.parametrize("settings", [{"count": [3, 2]}, {"width": [0, 4]}, {"angles": 0}, {"segments": 0}])
def test_strokes_that_cannot_be(settings: dict[str, Any]) -> None:
    (name,) = settings
    with pytest.raises(UserError, match=rf"strokes\.{name}="):
        Strokes(**{"count": [1, 2], "segments": 1, "angles": 1, "length": [1, 2], "width": [1, 2], **settings})


def test_boxes_keep_their_margin_and_sides() -> None:
    for i in range(300):
        mask = np.zeros((30, 40), np.uint8)
        Boxes(count=1, low=4, high=18, margin=3).draw(mask, generator_for(i))
        assert not mask[:3].any() and not mask[-3:].any() and not mask[:, :3].any() and not mask[:, -3:].any()
        height, width = mask.any(axis=1).sum(), mask.any(axis=0).sum()
        assert 4 <= height <= 18 and 4 <= width <= 18 and mask.sum() == height * width


def test_boxes_reach_the_margin() -> None:
    masks = np.zeros((300, 30, 40), np.uint8)
    for i, mask in enumerate(masks):
        Boxes(count=1, low=4, high=18, margin=3).draw(mask, generator_for(i))
    covered = masks.any(axis=0)
    assert covered.any(axis=1)[3:-3].all() and covered.any(axis=0)[3:-3].all()


def test_the_draw_is_a_function_of_the_generator() -> None:
    holes, target = FreeForm(FILL, STROKES, BOXES), np.zeros((32, 32, 3), np.uint8)
    first, again, other = (holes.draw(target, generator_for(seed)) for seed in (0, 0, 1))
    assert all(np.array_equal(first[key], again[key]) for key in first)
    assert not np.array_equal(first["mask"], other["mask"])


def test_apply_fills_holes() -> None:
    target, mask = torch.rand(1, 3, 4, 4), torch.tensor([1.0, 0.0]).repeat(8).view(1, 1, 4, 4)
    source = FreeForm(FILL, STROKES, BOXES).apply({"target": target, "mask": mask})["source"]
    assert torch.equal(source[..., 1::2], target[..., 1::2])
    assert torch.equal(source[0, :, 0, 0], torch.tensor(FILL))


def test_boxes_and_shares_that_cannot_be() -> None:
    with pytest.raises(UserError, match=r"boxes\.count=0 must be 1 or more"):
        Boxes(count=0, low=1, high=2, margin=0)
    with pytest.raises(UserError, match=r"degradation\.share=1\.5 must lie in \[0, 1\]"):
        FreeForm(FILL, STROKES, BOXES, share=1.5)


def test_boxes_too_large() -> None:
    with pytest.raises(UserError, match="boxes of 4 to 18 pixels do not fit a picture of 9x7"):
        BOXES.draw(np.zeros((7, 9), np.uint8), generator_for(0))
