import numpy as np
import pytest
import torch

from henkan.degradations.free_form import Boxes, FreeForm, Strokes
from henkan.errors import UserError
from henkan.randomness import generator_for

STROKES = Strokes(count=5, segments=5, angle=4.0, length=25, width=12)
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


def test_boxes_too_large() -> None:
    with pytest.raises(UserError, match="boxes of 4 to 18 pixels do not fit a picture of 9x7"):
        BOXES.draw(np.zeros((7, 9), np.uint8), generator_for(0))
