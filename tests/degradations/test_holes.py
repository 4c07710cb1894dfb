import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from henkan.degradations.holes import Content, Rectangle
from henkan.errors import UserError
from henkan.randomness import generator_for

FILL = [0.1, 0.2, 0.3]


def bounds(mask: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Return top, left, height and width of what is 1; it must be a full rectangle."""
    rows, columns = np.flatnonzero(mask[0].any(axis=1)), np.flatnonzero(mask[0].any(axis=0))
    top, left, height, width = rows[0], columns[0], rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    assert mask.sum() == height * width
    return int(top), int(left), int(height), int(width)


@pytest.mark.parametrize("shape", [(16, 16), (16, 40), (31, 17), (24, 20)])
@pytest.mark.parametrize("content", [None, Content(0.5)])
def test_rectangle(shape: tuple[int, int], content: Content | None) -> None:
    holes = Rectangle(5, 9, 12, FILL, content)
    target = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    seen = []
    for i in range(600):
        drawn = holes.draw(target, generator_for(0, i))
        assert drawn["mask"].shape == (1, *shape) and drawn["mask"].dtype == np.uint8
        top, left, height, width = bounds(drawn["mask"])
        assert 5 <= height <= 9 and 5 <= width <= 9
        assert drawn["window"].tolist() == [top + height // 2, left + width // 2]
        for key in ("window", "window_real"):
            assert drawn[key].dtype == np.int64
            assert 2 <= drawn[key][0] < shape[0] - 1 and 2 <= drawn[key][1] < shape[1] - 1
        seen.append((height, width, top, left, top + height, left + width, *drawn["window_real"]))
    lowest, highest = np.min(seen, axis=0), np.max(seen, axis=0)
    assert lowest[:4].tolist() == [5, 5, 0, 0], "every side and both near borders are reached"
    assert highest[:2].tolist() == [9, 9] and highest[4:6].tolist() == list(shape)
    sides = np.array(seen)[:, 0]
    assert np.bincount(sides, minlength=10)[5:] == pytest.approx([120] * 5, abs=45), "sides are uniform"
    assert abs(np.corrcoef(np.array(seen)[:, 2], np.array(seen)[:, 6])[0, 1]) < 0.15, "the two holes are independent"


def test_the_draw_is_a_function_of_the_generator() -> None:
    holes, target = Rectangle(4, 8, 8, FILL, Content(0.5)), np.zeros((20, 20, 3), np.uint8)
    first, again, other = (holes.draw(target, generator_for(seed)) for seed in (0, 0, 1))
    assert all(np.array_equal(first[key], again[key]) for key in first)
    assert any(not np.array_equal(first[key], other[key]) for key in first)


def share(target: NDArray[np.uint8], top: int, left: int, height: int, width: int) -> float:
    cut = target[top : top + height, left : left + width]
    return float((np.abs(cut.astype(int) - 255) > 8).any(axis=2).mean())


def test_a_hole_holds_drawing() -> None:
    target = np.full((48, 48, 3), 255, np.uint8)
    target[10:30, 20:44] = (255, 255, 240)  # one channel off white is drawing
    target[0:8] = 250  # nearly white is not
    holes = Rectangle(8, 12, 12, FILL, Content(0.5, tries=512))
    for i in range(200):
        drawn = holes.draw(target, generator_for(0, i))
        assert share(target, *bounds(drawn["mask"])) >= 0.5
        y, x = drawn["window_real"]
        assert 8 <= y <= 32 and 18 <= x <= 46, "the real window holds drawing as well"
    plain = Rectangle(8, 12, 12, FILL)
    shares = [share(target, *bounds(plain.draw(target, generator_for(0, i))["mask"])) for i in range(200)]
    assert np.mean(np.array(shares) < 0.5) > 0.5, "without the rule most holes are empty"


def test_a_hole_holds_drawing_of_grey_drawings_too() -> None:
    color = np.full((24, 24, 3), 255, np.uint8)
    color[10:20, 4:14] = 40
    holes = Rectangle(6, 8, 8, FILL, Content(0.5))
    for i in range(10):
        grey, same = (holes.draw(target, generator_for(i))["mask"] for target in (color[..., :1].copy(), color))
        assert np.array_equal(grey, same) and share(color, *bounds(grey)) >= 0.5


def test_the_best_is_kept_where_none_is_good_enough() -> None:
    target = np.full((40, 40, 3), 255, np.uint8)
    target[20, 20] = 0
    holes = Rectangle(6, 6, 6, FILL, Content(0.5, tries=400))
    for i in range(20):
        assert holes.draw(target, generator_for(i))["mask"][0, 20, 20] == 1


def test_the_first_that_is_good_enough_is_taken() -> None:
    """Where everything is drawing, the rule changes nothing but how much chance is used."""
    boxes = np.array([[[0, 0, 4, 4], [4, 4, 4, 4], [8, 8, 4, 4]]])
    target = np.full((12, 12, 3), 255, np.uint8)
    target[4:6, 4:8] = 0
    target[8:, 8:] = 0
    assert Content(0.5).choose(target, boxes).tolist() == [1]
    assert Content(0.6).choose(target, boxes).tolist() == [2]


def test_apply_fills_holes_and_keeps_the_rest() -> None:
    target = torch.rand(2, 3, 6, 6)
    mask = torch.zeros(2, 1, 6, 6)
    mask[0, :, 1:3, 2:5] = 1
    sample = {"target": target, "mask": mask}
    source = Rectangle(1, 2, 2, FILL).apply(sample)["source"]
    assert "source" not in sample
    assert torch.equal(source[1], target[1])
    assert torch.equal(source[0, :, 1, 2], torch.tensor(FILL))
    assert torch.equal(source.where(mask == 0, 0.0), target.where(mask == 0, 0.0))


def test_errors() -> None:
    with pytest.raises(UserError, match=r"content\.tries=0 must be 1 or more"):
        Content(0.5, tries=0)
    with pytest.raises(UserError, match="low <= high <= window"):
        Rectangle(4, 8, 6, FILL)
    with pytest.raises(UserError, match="window of 12 pixels does not fit a picture of 20x10"):
        Rectangle(4, 8, 12, FILL).draw(np.zeros((10, 20, 3), np.uint8), generator_for(0))
