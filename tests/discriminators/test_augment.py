"""DiffAugment."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from henkan.discriminators.augment import DiffAugment, Draw
from henkan.errors import UserError

NOTHING: dict[str, float | None] = dict.fromkeys(("brightness", "saturation", "contrast", "translation", "cutout"))


def only(**settings: float) -> DiffAugment:
    return DiffAugment(**{**NOTHING, **settings})


def drawn(color: tuple[float, ...] = (0.5,) * 3, whole: tuple[float, ...] = (0.5,) * 4) -> Draw:
    """One sample's draw; where nothing is said, the middle, which changes nothing but cuts out the center."""
    return Draw(torch.tensor([color]), torch.tensor([whole]), torch.full((1, 4), 0.5))


def shown(batch: int = 2, side: int = 16) -> dict[str, Tensor]:
    torch.manual_seed(3)
    return {
        "image": torch.rand(batch, 3, side, side),
        "condition": torch.rand(batch, 1, side, side),
        "mask": (torch.rand(batch, 1, side, side) > 0.5).float(),
        "window": torch.rand(batch, 3, side // 2, side // 2),
    }


@pytest.mark.parametrize("augment", [DiffAugment(**NOTHING), DiffAugment(*[0.0] * 5)], ids=["null", "0"])
def test_nothing_changes_nothing(augment: DiffAugment) -> None:
    judged = shown()
    changed = augment(judged)
    assert list(changed) == list(judged)
    assert all(torch.equal(changed[name], judged[name]) for name in judged)


@pytest.mark.parametrize(("chance", "added"), [(0.0, -0.25), (0.5, 0.0), (0.75, 0.125)])
def test_brightness_adds_a_constant(chance: float, added: float) -> None:
    judged = shown(batch=1)
    changed = only(brightness=0.25).apply(judged, drawn(color=(chance, 0.9, 0.1)))
    for name in ("image", "window"):
        torch.testing.assert_close(changed[name], judged[name] + added)
    for name in ("condition", "mask"):
        assert torch.equal(changed[name], judged[name])


@pytest.mark.parametrize(("chance", "factor"), [(0.0, 0.0), (0.25, 0.5), (1.0, 2.0)])
def test_saturation_scales_the_distance_from_grey(chance: float, factor: float) -> None:
    image = torch.tensor([0.2, 0.3, 0.7]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    changed = only(saturation=1.0).apply({"image": image}, drawn(color=(0.9, chance, 0.1)))["image"]
    expected = 0.4 + factor * torch.tensor([-0.2, -0.1, 0.3])
    torch.testing.assert_close(changed, expected.view(1, 3, 1, 1).expand(1, 3, 4, 4))


def test_saturation_leaves_grey_pictures_bit_for_bit() -> None:
    image = torch.rand(4, 1, 8, 8)
    assert torch.equal(only(saturation=1.0)({"image": image})["image"], image)


@pytest.mark.parametrize(("chance", "factor"), [(0.0, 0.5), (0.5, 1.0), (1.0, 1.5)])
def test_contrast_scales_the_distance_from_the_mean(chance: float, factor: float) -> None:
    judged = shown(batch=1)
    changed = only(contrast=0.5).apply(judged, drawn(color=(0.9, 0.1, chance)))
    for name in ("image", "window"):
        mean = judged[name].mean()
        torch.testing.assert_close(changed[name], mean + factor * (judged[name] - mean))


def test_color_comes_in_order_and_is_not_clipped() -> None:
    image = torch.tensor([0.0, 0.3, 0.9]).view(1, 3, 1, 1)
    augment = DiffAugment(translation=None, cutout=None)
    changed = augment.apply({"image": image}, drawn(color=(1.0, 1.0, 1.0)))["image"]
    # + 0.25, then twice, then one and a half times the distance from a mean of 0.65.
    torch.testing.assert_close(changed.flatten(), 0.65 + 3.0 * torch.tensor([-0.4, -0.1, 0.5]))


@pytest.mark.parametrize(
    ("down", "right", "place"),
    [(0.0, 0.999, (6, 10)), (0.5, 0.5, (8, 8)), (0.999, 0.2, (10, 7)), (0.39, 0.61, (7, 9))],
)
def test_translation_moves_an_impulse(down: float, right: float, place: tuple[int, int]) -> None:
    image = torch.full((1, 2, 16, 16), 0.5)
    image[0, :, 8, 8] = 1.0
    changed = only(translation=0.125).apply({"image": image}, drawn(whole=(down, right, 0.5, 0.5)))["image"]
    expected = torch.full((1, 2, 16, 16), 0.5)
    expected[0, :, place[0], place[1]] = 1.0
    assert torch.equal(changed, expected)


def test_what_is_moved_in_is_grey_and_nothing_comes_back_around() -> None:
    judged = {"image": torch.ones(1, 3, 8, 12), "mask": torch.ones(1, 1, 8, 12)}
    # Up by one row, right by two columns (12 / 8 = 1.5, rounded up).
    changed = only(translation=0.125).apply(judged, drawn(whole=(0.0, 0.999, 0.5, 0.5)))
    assert torch.equal(changed["image"][..., :7, 2:], torch.ones(1, 3, 7, 10))
    assert changed["image"][..., 7, :].unique().tolist() == [0.5]
    assert changed["image"][..., :2].unique().tolist() == [0.5]
    assert torch.equal(changed["mask"], 2.0 * changed["image"][:, :1] - 1.0)


def test_translations_are_even_and_reach_an_eighth() -> None:
    image = torch.zeros(5000, 1, 16, 16)
    image[:, :, 8, 8] = 1.0
    torch.manual_seed(0)
    places = only(translation=0.125)({"image": image})["image"].eq(1.0).nonzero()[:, 2:] - 8
    assert len(places) == 5000
    for axis in (0, 1):
        offsets, counts = places[:, axis].unique(return_counts=True)
        assert offsets.tolist() == [-2, -1, 0, 1, 2]
        # 1000 each, deviation 28.
        assert (counts - 1000).abs().max() < 120


@pytest.mark.parametrize(
    ("middle", "rows"), [(0.5, range(2, 6)), (0.0, range(2)), (0.999, range(6, 8)), (0.2, range(3))]
)
def test_cutout_blanks_a_rectangle(middle: float, rows: range) -> None:
    judged = {"image": torch.ones(1, 3, 8, 8), "mask": torch.ones(1, 1, 8, 8)}
    changed = only(cutout=0.5).apply(judged, drawn(whole=(0.5, 0.5, middle, 0.5)))
    expected = torch.ones(1, 3, 8, 8)
    expected[:, :, rows.start : rows.stop, 2:6] = 0.5
    assert torch.equal(changed["image"], expected)
    assert torch.equal(changed["mask"], 2.0 * expected[:, :1] - 1.0)


@pytest.mark.parametrize(
    ("side", "share", "expected"),
    [
        # 4 of 8 rows at the middles 0 to 8: 2, 3, 4, 4, 4, 4, 4, 3, 2.
        (8, 0.5, 30 / 9 / 8),
        # 3 of 6 rows at the middles 0 to 5: 2, 3, 3, 3, 3, 2.
        (6, 0.5, 16 / 6 / 6),
    ],
)
def test_cutout_blanks_the_expected_share(side: int, share: float, expected: float) -> None:
    torch.manual_seed(0)
    image = only(cutout=share)({"image": torch.ones(8000, 1, side, side)})["image"]
    assert image.eq(0.5).float().mean().item() == pytest.approx(expected**2, rel=0.02)


def test_what_lies_on_the_picture_is_moved_alike() -> None:
    judged = shown(batch=64)
    judged["condition"] = judged["image"][:, :1].clone()
    judged["mask"] = (judged["image"][:, 1:2] > 0.5).float()
    changed = DiffAugment(brightness=None, saturation=None, contrast=None)(judged)
    assert torch.equal(changed["condition"], changed["image"][:, :1])
    # Gaps are grey in one, and 0 in the other.
    assert torch.equal(changed["mask"], (changed["image"][:, 1:2] > 0.5).float())


def test_the_window_has_the_pictures_color_and_a_place_of_its_own() -> None:
    picture = torch.rand(64, 3, 16, 16)
    judged = {"image": picture, "window": picture}
    in_color = DiffAugment(translation=None, cutout=None)(judged)
    assert torch.equal(in_color["window"], in_color["image"])
    moved = DiffAugment()(judged)
    same = (moved["window"] == moved["image"]).flatten(1).all(dim=1)
    assert same.float().mean() < 0.1


def test_a_window_alone_and_pictures_of_any_shape_are_changed() -> None:
    assert DiffAugment()({"window": torch.rand(2, 3, 7, 5)})["window"].shape == (2, 3, 7, 5)
    assert DiffAugment()({"image": torch.rand(2, 1, 1, 3)})["image"].shape == (2, 1, 1, 3)


def test_samples_are_changed_by_their_own_draws() -> None:
    judged = shown(batch=3)
    augment = DiffAugment()
    draw = augment.draw(3, torch.device("cpu"))
    together = augment.apply(judged, draw)
    for number in range(3):
        one = slice(number, number + 1)
        alone = augment.apply(
            {name: values[one] for name, values in judged.items()},
            Draw(draw.color[one], draw.whole[one], draw.window[one]),
        )
        for name in judged:
            torch.testing.assert_close(together[name][one], alone[name])
    assert not torch.allclose(draw.color[0], draw.color[1])


def test_the_seed_decides_and_real_and_fake_may_share() -> None:
    judged, augment = shown(), DiffAugment()
    torch.manual_seed(5)
    first, other = augment(judged), augment(judged)
    torch.manual_seed(5)
    again = augment(judged)
    assert all(torch.equal(first[name], again[name]) for name in judged)
    assert not torch.equal(first["image"], other["image"])
    # A draw does not depend on the settings.
    torch.manual_seed(5)
    shared = only(brightness=0.1).draw(2, torch.device("cpu"))
    assert all(torch.equal(first[name], augment.apply(judged, shared)[name]) for name in judged)


def test_gradients_are_those_of_the_changes() -> None:
    image = torch.rand(1, 3, 8, 8, requires_grad=True)
    augment, draw = DiffAugment(brightness=0.25, saturation=None, contrast=None), drawn(whole=(0.0, 0.5, 0.999, 0.5))
    changed = augment.apply({"image": image}, draw)["image"]
    (gradient,) = torch.autograd.grad(changed.sum(), image)
    # Up by one: the first row is lost. Cut out: the two rows at the bottom, of which one shows the last, in 4 columns.
    expected = torch.ones(1, 3, 8, 8)
    expected[:, :, 0] = 0.0
    expected[:, :, 7, 2:6] = 0.0
    assert torch.equal(gradient, expected)

    image = torch.rand(4, 3, 6, 6, dtype=torch.float32, requires_grad=True)
    draw = DiffAugment().draw(4, image.device)
    direction = torch.randn_like(image)
    value = lambda x: DiffAugment().apply({"image": x}, draw)["image"].square().sum()  # noqa: E731
    (gradient,) = torch.autograd.grad(value(image), image)
    slope = (value(image + 1e-2 * direction) - value(image - 1e-2 * direction)) / 2e-2
    torch.testing.assert_close((gradient * direction).sum(), slope, rtol=1e-3, atol=1e-3)


def test_results_are_float32_also_under_autocast() -> None:
    judged = {name: values.bfloat16() for name, values in shown().items()}
    draw = DiffAugment().draw(2, torch.device("cpu"))
    expected = DiffAugment().apply(judged, draw)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        changed = DiffAugment().apply(judged, draw)
    for name in judged:
        assert changed[name].dtype == torch.float32
        assert torch.equal(changed[name], expected[name])


def test_nothing_waits_for_the_device() -> None:
    """Tensors without data: whatever asks for a value fails."""
    judged = {name: values.to("meta") for name, values in shown().items()}
    changed = DiffAugment()(judged)
    assert {name: values.shape for name, values in changed.items()} == {n: v.shape for n, v in judged.items()}
    assert all(values.is_meta for values in changed.values())


@pytest.mark.parametrize("name", list(NOTHING))
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_impossible_settings_are_refused(name: str, value: float) -> None:
    with pytest.raises(UserError, match=rf"judged_augmentation\.{name}=.* must lie between 0 and 1, or be null"):
        only(**{name: value})


def test_what_it_does_not_know_is_refused() -> None:
    with pytest.raises(UserError, match="'depth', which this discriminator looks at"):
        DiffAugment()({"depth": torch.rand(1, 1, 4, 4)})
