from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.losses.penalty import R1, BatchSlope, GradientPenalty, Penalty, refuse_batch_statistics

PENALTIES = pytest.mark.parametrize("penalty", [R1(), GradientPenalty()], ids=lambda it: type(it).__name__)


class Linear(nn.Module):
    """D(image, window) = w·image + v·window, with constant w and v of the given norms."""

    def __init__(self, image: float = 0.0, window: float = 0.0, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.image = nn.Parameter(torch.full((3, 4, 4), image / math.sqrt(48), dtype=dtype))
        self.window = nn.Parameter(torch.full((3, 2, 2), window / math.sqrt(12), dtype=dtype))

    def forward(self, image: Tensor, window: Tensor, **given: Tensor) -> tuple[Tensor, list[Tensor]]:
        logits = (self.image * image).flatten(1).sum(1) + (self.window * window).flatten(1).sum(1)
        return logits[:, None], []


class Curved(nn.Module):
    """A convolution whose slope differs from place to place; logits for patches."""

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(6, 1, 3, dtype=dtype)

    def forward(self, image: Tensor, condition: Tensor, **unused: Tensor) -> tuple[Tensor, list[Tensor]]:
        return self.conv(torch.cat([image, condition], 1)).tanh(), []


def judged(seed: int, dtype: torch.dtype = torch.float32, batch: int = 2) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    shapes = {"image": (3, 4, 4), "condition": (3, 4, 4), "mask": (1, 4, 4), "window": (3, 2, 2)}
    return {name: torch.rand(batch, *shape).to(dtype) for name, shape in shapes.items()}


@pytest.mark.parametrize(
    ("penalty", "image", "window", "expected"),
    [
        (R1(gamma=10), 0, 0, 0),
        (R1(gamma=10), 3, 0, 45),
        (R1(gamma=2), 3, 4, 25),
        (GradientPenalty(), 0, 0, 10),
        (GradientPenalty(), 1, 0, 0),
        (GradientPenalty(), 3, 0, 40),
        (GradientPenalty(), 0, 3, 40),
        (GradientPenalty(), 3, 4, 160),
        (GradientPenalty(coefficient=1, target=0), 3, 0, 9),
    ],
)
def test_closed_form(penalty: Penalty, image: float, window: float, expected: float) -> None:
    value = penalty(Linear(image, window), judged(0), judged(1))
    torch.testing.assert_close(value, torch.full((2,), float(expected)), rtol=1e-5, atol=1e-8)


def test_intervals() -> None:
    # The value itself is not multiplied by `every`: whoever skips the steps does that.
    assert (R1().every, GradientPenalty().every) == (16, 1)
    real = judged(0)
    torch.testing.assert_close(R1(every=1)(Linear(1), real, real), R1(every=16)(Linear(1), real, real))
    for penalty in (R1, GradientPenalty):
        with pytest.raises(UserError, match="every"):
            penalty(every=0)


def test_r1_looks_at_real_pictures_only() -> None:
    penalty, discriminator = R1(), Curved()
    same = penalty(discriminator, judged(0), judged(1)) == penalty(discriminator, judged(0), judged(2))
    assert same.all()
    assert (penalty(discriminator, judged(0), judged(1)) != penalty(discriminator, judged(1), judged(1))).all()


def test_gradient_penalty_looks_between() -> None:
    seen: list[dict[str, Tensor]] = []

    def discriminator(**inputs: Tensor) -> tuple[Tensor, list[Tensor]]:
        seen.append(inputs)
        return Linear(1, 1)(**inputs)

    real, fake = judged(0, batch=64), judged(1, batch=64)
    torch.manual_seed(2)
    GradientPenalty()(discriminator, real, fake)
    (inputs,) = seen
    shares = {
        name: ((inputs[name] - fake[name]) / (real[name] - fake[name])).flatten(1).median(1).values
        for name in ("image", "window")
    }
    torch.testing.assert_close(shares["image"], shares["window"], rtol=1e-3, atol=1e-3)
    share = shares["image"].detach()
    assert 0 <= share.min() < 0.2 and 0.8 < share.max() <= 1 and share.unique().numel() == 64
    assert inputs["condition"].equal(real["condition"]) and inputs["mask"].equal(real["mask"])
    assert not real["image"].requires_grad and not fake["image"].requires_grad

    torch.manual_seed(2)
    GradientPenalty()(discriminator, real, fake)
    assert seen[1]["image"].equal(inputs["image"])


@PENALTIES
def test_batch_mates_do_not_matter(penalty: Penalty) -> None:
    values = []
    for batch in (slice(0, 2), slice(0, 1)):
        real, fake = ({name: value[batch] for name, value in judged(seed).items()} for seed in (0, 1))
        torch.manual_seed(0)
        values.append(penalty(Curved(), real, fake)[0])
    torch.testing.assert_close(*values)


@PENALTIES
def test_full_precision_under_autocast(penalty: Penalty) -> None:
    dtypes = []

    def discriminator(image: Tensor, condition: Tensor, **unused: Tensor) -> tuple[Tensor, list[Tensor]]:
        logits, features = network(image, condition)
        dtypes.append(logits.dtype)
        return logits, features

    network = Curved()
    real, fake = judged(0, torch.bfloat16), judged(1, torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        value = penalty(discriminator, real, fake)
    assert value.dtype == torch.float32 and dtypes == [torch.float32]


@PENALTIES
def test_has_a_value_where_no_gradient_is_wanted(penalty: Penalty) -> None:
    with torch.no_grad():
        assert (penalty(Curved(), judged(0), judged(1)) > 0).all()


@PENALTIES
def test_an_unused_or_absent_window_adds_nothing(penalty: Penalty) -> None:
    discriminator = Curved()
    values = []
    for names in (("image", "condition"), ("image", "condition", "window")):
        real, fake = ({name: judged(seed)[name] for name in names} for seed in (0, 1))
        torch.manual_seed(0)
        values.append(penalty(discriminator, real, fake))
    torch.testing.assert_close(*values, rtol=0, atol=0)


@PENALTIES
def test_gradient_at_a_flat_discriminator_is_finite(penalty: Penalty) -> None:
    discriminator = Linear(0, 0)
    penalty(discriminator, judged(0), judged(1)).sum().backward()
    for parameter in discriminator.parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all()


@PENALTIES
def test_gradient_reaches_the_weights(penalty: Penalty) -> None:
    network = Curved(torch.float64)
    real, fake = judged(0, torch.float64), judged(1, torch.float64)

    def value(weight: Tensor) -> Tensor:
        def discriminator(**inputs: Tensor) -> tuple[Tensor, list[Tensor]]:
            return torch.func.functional_call(network, {"conv.weight": weight}, (), inputs)

        torch.manual_seed(0)
        return penalty(discriminator, real, fake)

    weight = network.conv.weight.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(value, weight)


def test_refuses_to_broadcast() -> None:
    real, fake = judged(0), judged(1)
    for name in ("image", "window"):
        with pytest.raises(UserError, match=f"`{name}` differ in shape"):
            GradientPenalty()(Linear(1, 1), real, fake | {name: fake[name][:1]})


@pytest.mark.parametrize("layer", [nn.BatchNorm1d(2), nn.BatchNorm2d(2), nn.SyncBatchNorm(2), nn.LazyBatchNorm2d()])
def test_refuses_batch_statistics(layer: nn.Module) -> None:
    with pytest.raises(UserError, match=rf"1\.0 is a {type(layer).__name__}"):
        refuse_batch_statistics(nn.Sequential(nn.Conv2d(3, 2, 1), nn.Sequential(layer)))


def test_accepts_other_normalizations() -> None:
    accepted = nn.Sequential(nn.InstanceNorm2d(2), nn.GroupNorm(1, 2), nn.LayerNorm(2))
    refuse_batch_statistics(accepted)
    # The same, with one more layer, is refused: nothing but the kinds of the layers decides.
    with pytest.raises(UserError, match=r"3 is a BatchNorm2d"):
        refuse_batch_statistics(accepted.append(nn.BatchNorm2d(2)))


def test_the_batch_s_slope_is_r1_where_pictures_do_not_meet() -> None:
    weights = torch.tensor([3.0, 4.0])

    def linear(image: Tensor) -> tuple[Tensor, list[Tensor]]:
        return (image.flatten(1) * weights).sum(1, keepdim=True), []

    judged = {"image": torch.rand(2, 1, 1, 2)}
    assert BatchSlope(gamma=0.002)(linear, judged, judged).tolist() == pytest.approx([0.025, 0.025])
    assert R1(gamma=0.002, every=1)(linear, judged, judged).tolist() == pytest.approx([0.025, 0.025])
    assert BatchSlope.across_images and not R1.across_images
