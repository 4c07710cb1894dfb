"""Color to grey, and hints as published: how many, how large, where, and of what color."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from henkan import color
from henkan.data.stream import collate
from henkan.degradations.grey import Grey
from henkan.degradations.hints import Hints, box_means
from henkan.errors import UserError
from henkan.sample import to_float

PICTURE = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)


def drawn(seed: int = 0, picture: np.ndarray = PICTURE, **settings: object) -> dict[str, np.ndarray]:
    """Return hints and their mask of one picture, as arrays."""
    degradation = Hints(**settings)  # type: ignore[arg-type]
    item = {"target": picture.transpose(2, 0, 1), **degradation.draw(picture, np.random.default_rng(seed))}
    made = degradation.apply(to_float(collate([item])))
    return {key: made[key][0].numpy() for key in ("hints", "hint_mask")}


def test_grey_has_the_lightness_of_the_target() -> None:
    target = torch.from_numpy(PICTURE).permute(2, 0, 1)[None] / 255
    made = Grey().apply({"target": target})
    assert made["source"].shape == (1, 1, 48, 64)
    # Rounded to 8 bits, by half a level at most.
    wrong = color.grey(color.rgb_to_lab(target)[:, :1]) - made["source"]
    assert wrong.abs().max() <= 0.5 / 255 + 1e-6
    torch.testing.assert_close(made["target_lab"], color.rgb_to_lab(target))


def test_the_number_of_patches_is_geometric() -> None:
    counts: list[int] = []

    class Counting(Hints):
        def boxes(self, count: int, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
            counts.append(count)
            return super().boxes(count, height, width, rng)

    for seed in range(600):
        box = Counting().draw(np.zeros((64, 64, 3), np.uint8), np.random.default_rng(seed))["hint_box"]
        assert (box.max() == 0) == (counts[-1] == 0)
    assert np.mean(counts) == pytest.approx(7, abs=1.0) and np.mean(np.array(counts) == 0) == pytest.approx(
        0.125, abs=0.04
    )


def test_a_patch_shows_the_mean_color_of_where_it_lies() -> None:
    made = drawn(3, count=1, side=(6, 6))
    rows, columns = np.nonzero(made["hint_mask"][0])
    assert len(rows) == 36 and np.ptp(rows) == np.ptp(columns) == 5
    inside = PICTURE[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    lab = color.rgb_to_lab(torch.from_numpy(inside).permute(2, 0, 1) / 255)
    expected = lab[1:].mean((1, 2)) / color.AB
    np.testing.assert_allclose(made["hints"][:, rows[0], columns[0]], expected.numpy(), atol=1e-5)
    assert (made["hints"][:, made["hint_mask"][0] == 0] == 0).all()


def test_patches_lie_about_the_middle() -> None:
    centers = np.concatenate([np.argwhere(drawn(seed, count=1, side=(1, 1))["hint_mask"][0]) for seed in range(400)])
    np.testing.assert_allclose(centers.mean(0), (24, 32), atol=1.5)
    # A quarter of the room on either side, less what is cut off.
    np.testing.assert_allclose(centers.std(0), (48 / 4, 64 / 4), rtol=0.12)


def test_a_patch_under_another_shows_the_mean_of_all_of_it() -> None:
    image = torch.rand(2, 2, 9, 7)
    top, left = torch.randint(0, 5, (2, 2, 9, 7)).unbind()
    bottom, right = top + 1 + torch.randint(0, 4, (2, 9, 7)), left + 1 + torch.randint(0, 2, (2, 9, 7))
    found = box_means(image, top, left, bottom, right)
    for b, y, x in np.ndindex(2, 9, 7):
        rows, columns = slice(top[b, y, x], bottom[b, y, x]), slice(left[b, y, x], right[b, y, x])
        torch.testing.assert_close(found[b, :, y, x], image[b, :, rows, columns].mean((1, 2)))
    assert (box_means(image, top, left, top, left) == 0).all()


def test_sides_are_uniform_and_end_inclusive() -> None:
    sides = {int(np.ptp(np.nonzero(drawn(seed, count=1)["hint_mask"][0])[0])) + 1 for seed in range(200)}
    assert sides == set(range(1, 10))


def test_further_patches_leave_those_before_where_they_are() -> None:
    few, more = (drawn(5, count=count)["hint_mask"] for count in (2, 9))
    assert (more[few > 0] == 1).all() and more.sum() > few.sum()


def test_later_patches_lie_over_earlier_ones() -> None:
    one, other = (10, 10, 20, 20), (15, 12, 25, 22)

    class Placed(Hints):
        def boxes(self, count: int, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
            return np.array((one, other))

    box = Placed().draw(PICTURE, np.random.default_rng(0))["hint_box"]
    assert box[:, 16, 16].tolist() == list(other) and box[:, 12, 12].tolist() == list(one)


def test_drawings_have_no_color() -> None:
    with pytest.raises(UserError, match="colors cannot be learned from grey drawings"):
        Grey().draw(PICTURE[..., :1], np.random.default_rng(0), "a.png")


def test_all_color_is_given_away() -> None:
    made = drawn(0, reveal=1.0)
    lab = color.rgb_to_lab(torch.from_numpy(PICTURE).permute(2, 0, 1) / 255)
    assert made["hint_mask"].all()
    np.testing.assert_allclose(made["hints"], lab[1:].numpy() / color.AB, atol=1e-6)


def test_the_same_sample_draws_the_same() -> None:
    one, other, third = drawn(1), drawn(1), drawn(2)
    assert all(np.array_equal(one[key], other[key]) for key in one)
    assert not np.array_equal(one["hints"], third["hints"])


def test_a_patch_larger_than_the_picture_is_the_picture() -> None:
    assert drawn(0, PICTURE[:4, :5], count=1, side=(9, 9))["hint_mask"].sum() == 16


def test_masks_stay_zero_and_one_in_a_batch() -> None:
    degradation = Hints(count=3)
    items = [
        {"target": PICTURE.transpose(2, 0, 1), **degradation.draw(PICTURE, np.random.default_rng(seed))}
        for seed in range(2)
    ]
    made = degradation.apply(to_float(collate(items)))
    assert set(made["hint_mask"].unique().tolist()) == {0.0, 1.0}
    assert made["hints"].dtype == torch.float32 and made["hints"].shape == (2, 2, 48, 64)


@pytest.mark.parametrize(
    ("settings", "word"),
    [({"chance": 0.0}, "chance"), ({"side": (0, 3)}, "side"), ({"side": (5, 3)}, "side"), ({"count": -1}, "count")],
)
def test_settings_out_of_range(settings: dict[str, object], word: str) -> None:
    with pytest.raises(UserError, match=word):
        Hints(**settings)  # type: ignore[arg-type]
