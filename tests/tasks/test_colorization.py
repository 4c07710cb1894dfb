"""Colorization keeps the lightness and takes a and b from the generator, at any fraction of the picture's size."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from henkan import color
from henkan.degradations.grey import Grey
from henkan.errors import UserError
from henkan.sample import Composed, Sample, to_8_bit
from henkan.tasks.colorization import Colorization, enlarged, reduced
from henkan.transform import Transform


def sample(height: int = 16, width: int = 24) -> Sample:
    generator = torch.Generator().manual_seed(0)
    # Colors that are well inside of what a screen can show.
    target = to_8_bit(0.35 + 0.3 * torch.rand(2, 3, height, width, generator=generator))
    places = torch.tensor([[4, 5], [8, 8]])
    return Grey().apply({"target": target, "window": places, "window_real": places})


def raw_of(sample: Sample, factor: int = 1) -> Tensor:
    ab = sample["target_lab"][:, 1:] / color.AB
    return (reduced(ab, ab.shape[-2] // factor, ab.shape[-1] // factor) + 1) / 2


def composed(task: Colorization, raw: Tensor, given: Sample) -> Sample:
    return Composed({**given, **task.compose(raw, given)})


def test_the_true_a_and_b_give_the_picture_back() -> None:
    given = sample()
    found = composed(Colorization(window=8), raw_of(given), given)
    # The source is rounded to 8 bits.
    assert (found["output"] - given["target"]).abs().max() < 3 / 255
    torch.testing.assert_close(found["ab"], found["target_ab"])


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_the_lightness_of_the_output_is_that_of_the_source(factor: int) -> None:
    given = sample()
    raw = raw_of(given, factor)
    assert raw.shape[-2:] == (16 // factor, 24 // factor)
    found = composed(Colorization(window=8), raw, given)
    kept = (found["prediction"] == found["output"]).all(1, keepdim=True)
    assert kept.float().mean() > 0.9
    wrong = color.grey(color.rgb_to_lab(found["output"])[:, :1]) - given["source"]
    assert wrong[kept].abs().max() < 1 / 255


def test_what_nothing_reads_is_not_converted(monkeypatch: pytest.MonkeyPatch) -> None:
    conversions: list[int] = []
    lab_to_rgb = color.lab_to_rgb
    monkeypatch.setattr(color, "lab_to_rgb", lambda lab: conversions.append(1) or lab_to_rgb(lab))
    given = sample()
    found = composed(Colorization(window=8), raw_of(given).requires_grad_(), given)
    (found["ab"] - found["target_ab"]).square().mean().backward()
    assert conversions == []
    assert found["output"] is found["output"] and torch.equal(found["output"], found["prediction"].clamp(0, 1))
    assert conversions == [1]


def test_neutral_is_grey() -> None:
    given = sample()
    output = composed(Colorization(window=8), torch.full((2, 2, 8, 12), 0.5), given)["output"]
    torch.testing.assert_close(output, given["source"].expand(-1, 3, -1, -1), atol=1e-3, rtol=0)


def test_clipping_is_seen_in_prediction_alone() -> None:
    given = sample()
    found = composed(Colorization(window=8), torch.ones(2, 2, 16, 24), given)
    assert found["prediction"].min() < 0 and found["output"].min() == 0


def test_sizes_that_are_no_multiple() -> None:
    given = sample(13, 21)
    # What a network of multiple 8 that answers at half size makes of 16 x 24 padded pixels.
    found = composed(Colorization(window=8), torch.full((2, 2, 8, 12), 0.5), given)
    assert found["output"].shape == (2, 3, 13, 21) and found["target_ab"].shape == (2, 2, 8, 12)


@pytest.mark.parametrize("side", [5, 8, 9, 12, 13, 17, 24])
@pytest.mark.parametrize("factor", [1, 2, 4])
def test_padding_is_not_taken_for_a_larger_answer(side: int, factor: int) -> None:
    whole = torch.linspace(-1, 1, side + -side % 8).expand(1, 2, side + -side % 8, -1)
    answer = functional.avg_pool2d(whole, factor)
    # A ramp stays one, at the same places, but for the ends, where there is nothing to interpolate between.
    inside = slice(factor, side - factor)
    found = enlarged(answer, side, side)
    assert found.shape[-2:] == (side, side)
    torch.testing.assert_close(found[..., inside], whole[..., :side, :side][..., inside], atol=1e-5, rtol=0)


def test_reduced_is_the_mean_and_enlarged_its_size() -> None:
    ab = torch.arange(16.0).view(1, 1, 4, 4).expand(1, 2, 4, 4)
    assert reduced(ab, 2, 2)[0, 0].tolist() == [[2.5, 4.5], [10.5, 12.5]]
    assert enlarged(reduced(ab, 2, 2), 4, 3).shape == (1, 2, 4, 3)


def test_what_discriminators_are_shown() -> None:
    given = sample()
    for space in ("rgb", "lab"):
        task = Colorization(window=8, judged_in=space)  # type: ignore[arg-type]
        made = composed(task, raw_of(given), given)
        real, fake = (task.judged(key, made, side) for key, side in (("target", "real"), ("output", "fake")))  # type: ignore[arg-type]
        assert real["image"].shape == (2, 3, 16, 24) and real["condition"].shape == (2, 1, 16, 24)
        assert fake["window"].shape == (2, 3, 8, 8)
        assert 0 <= real["image"].min() <= real["image"].max() <= 1
        assert (real["image"] - fake["image"]).abs().max() < 0.02


def test_lightness_tells_neither_side_apart() -> None:
    given = sample()
    task = Colorization(window=8, judged_in="lab")
    made = composed(task, raw_of(given), given)
    sides = [task.judged(key, made, side) for key, side in (("target", "real"), ("output", "fake"))]  # type: ignore[arg-type]
    assert torch.equal(sides[0]["image"][:, :1], sides[1]["image"][:, :1])


def test_a_temperature_needs_classes_of_color() -> None:
    given = sample()
    with pytest.raises(UserError, match="task.temperature is for generators with classes"):
        Colorization(window=8, temperature=0.38).compose(raw_of(given), given)
    with pytest.raises(UserError, match="task.temperature=0"):
        Colorization(window=8, temperature=0)


def test_lab_judgement_reaches_what_clips() -> None:
    given = sample()
    raw = torch.ones(2, 2, 16, 24, requires_grad=True)
    slopes = {}
    for space in ("rgb", "lab"):
        task = Colorization(window=8, judged_in=space)  # type: ignore[arg-type]
        made = composed(task, raw, given)
        (slopes[space],) = torch.autograd.grad(task.judged("output", made, "fake")["image"].sum(), raw)
    assert (slopes["lab"] != 0).all() and (slopes["rgb"] == 0).any()


def test_classes_decide_where_there_is_a_temperature() -> None:
    given = sample()
    logits = torch.zeros(2, color.BINS**2, 4, 6)
    logits[:, 264 + 3 * color.BINS] = 100.0
    found = composed(Colorization(window=8, temperature=0.38), raw_of(given), {**given, "aux.bins": logits})
    torch.testing.assert_close(found["ab"][:, 0], torch.full((2, 4, 6), 3 / 11), atol=1e-4, rtol=0)
    assert found["output"].shape == (2, 3, 16, 24)


def test_what_is_about_the_whole_picture_is_not_padded() -> None:
    seen = {}

    class Network(torch.nn.Module):
        multiple = 8

        def forward(self, image: Tensor, style: Tensor) -> dict[str, Tensor]:
            seen.update(image=image, style=style)
            return {"raw": torch.full((len(image), 2, *image.shape[-2:]), 0.5)}

    transform, given = Transform(Colorization(window=8), Grey()), sample(13, 21)
    transform.generate(Network(), given)
    assert seen["image"].shape == (2, 1, 16, 24) and torch.equal(seen["style"], given["source"])
    other = torch.rand(2, 1, 13, 21)
    transform.generate(Network(), {**given, "style": other})
    assert torch.equal(seen["style"], other)
    transform.generate(Network(), sample(16, 24))
    assert seen["style"] is seen["image"], "the low-level features are computed once"


def test_generators_are_given_what_they_name() -> None:
    seen = {}

    class Network(torch.nn.Module):
        multiple = 8

        def forward(self, lightness: Tensor, hints: Tensor | None = None) -> dict[str, Tensor]:
            seen.update(lightness=lightness, hints=hints)
            return {"raw": torch.full((len(lightness), 2, *lightness.shape[-2:]), 0.5)}

    transform = Transform(Colorization(window=8), Grey())
    made = transform.generate(Network(), sample(13, 21))
    assert seen["lightness"].shape == (2, 1, 16, 24) and seen["hints"] is None and 0 < seen["lightness"].max() <= 1
    assert made["output"].shape == (2, 3, 13, 21)
    transform.generate(Network(), {**sample(13, 21), "hints": torch.zeros(2, 2, 13, 21)})
    assert seen["hints"] is not None and seen["hints"].shape == (2, 2, 16, 24)
