from __future__ import annotations

import math
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn.functional import softplus

from henkan.errors import UserError
from henkan.losses.adversarial import Adversarial, Hinge, LeastSquares, NonSaturating, RelativisticAverage, Wasserstein

EVERY = [NonSaturating(), LeastSquares(), Hinge(), Wasserstein(), RelativisticAverage()]
OBJECTIVES = pytest.mark.parametrize("objective", EVERY, ids=lambda objective: type(objective).__name__)
STEP = Path(__file__).with_name("relativistic_step.py")
LN2 = math.log(2)


@OBJECTIVES
@pytest.mark.parametrize("shape", [(2,), (2, 1), (2, 1, 3, 4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gives_one_full_precision_value_per_image(
    objective: Adversarial, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    real, fake = (torch.randn(shape).to(dtype) for _ in range(2))
    for value in (objective.discriminator(real, fake), objective.generator(fake, real)):
        assert value.shape == (2,) and value.dtype == torch.float32 and value.isfinite().all()


@pytest.mark.parametrize(
    ("objective", "r", "f", "loss_d", "loss_g"),
    [
        (NonSaturating(), 0, 0, 1.386294, 0.693147),
        (
            NonSaturating(),
            2,
            -3,
            math.log1p(math.exp(-2)) + math.log1p(math.exp(-3)),
            math.log1p(math.exp(3)),
        ),
        (LeastSquares(), 1, 0, 0, 1),
        (LeastSquares(), 0.5, -2, 0.25 + 4, 9),
        (Hinge(), 2, -2, 0, 2),
        (Hinge(), 0, 0, 2, 0),
        (Hinge(), -1, 3, 2 + 4, -3),
        (Wasserstein(), 2, -1, -3, 1),
        (RelativisticAverage(), 5, 5, 2 * LN2, 2 * LN2),
        # One image: r is compared with f, f with r, a distance of 3 each.
        (RelativisticAverage(), 2, -1, 2 * math.log1p(math.exp(-3)), 2 * math.log1p(math.exp(3))),
    ],
)
def test_closed_form(objective: Adversarial, r: float, f: float, loss_d: float, loss_g: float) -> None:
    real, fake = torch.full((1, 1), float(r)), torch.full((1, 1), float(f))
    torch.testing.assert_close(objective.discriminator(real, fake), torch.tensor([float(loss_d)]))
    torch.testing.assert_close(objective.generator(fake, real), torch.tensor([float(loss_g)]))


def test_relativistic_mean_is_that_of_the_batch() -> None:
    real, fake = torch.tensor([[1.0], [3.0]]), torch.tensor([[0.0], [-2.0]])  # means 2 and -1
    expected = [softplus(torch.tensor([-2.0, -2.0])).sum(), softplus(torch.tensor([-4.0, -4.0])).sum()]
    torch.testing.assert_close(RelativisticAverage().discriminator(real, fake), torch.stack(expected))


@pytest.mark.parametrize(("objective", "expected"), list(zip(EVERY, [0, 0.5, 0, 1.5, 1.5], strict=True)))
def test_boundary(objective: Adversarial, expected: float) -> None:
    real, fake = torch.tensor([[5.0], [7.0]]), torch.tensor([[-4.0], [-2.0]])
    assert objective.boundary(real, fake) == expected


@OBJECTIVES
def test_patches_are_averaged(objective: Adversarial) -> None:
    real, fake = torch.randn(2, 1), torch.randn(2, 1)
    patches = (2, 1, 3, 3)
    for face in (objective.discriminator, objective.generator):
        torch.testing.assert_close(
            face(real[..., None, None].expand(patches), fake[..., None, None].expand(patches)),
            face(real, fake),
        )


@OBJECTIVES
def test_large_logits_stay_finite(objective: Adversarial) -> None:
    real, fake = torch.tensor([[-1e4]], requires_grad=True), torch.tensor([[1e4]], requires_grad=True)
    (objective.discriminator(real, fake) + objective.generator(fake, real)).sum().backward()
    assert fake.grad is not None and fake.grad.isfinite().all()


@OBJECTIVES
def test_refuses_to_broadcast(objective: Adversarial) -> None:
    for fake in (torch.zeros(1, 1), torch.zeros(2), torch.zeros(2, 1, 3, 3)):
        with pytest.raises(UserError, match="differ in shape"):
            objective.discriminator(torch.zeros(2, 1), fake)


def test_relativistic_generator_needs_real_logits() -> None:
    assert [objective.compares for objective in EVERY] == [False, False, False, False, True]
    with pytest.raises(UserError, match="real logits"):
        RelativisticAverage().generator(torch.zeros(2, 1))


@OBJECTIVES
def test_gradient(objective: Adversarial) -> None:
    torch.manual_seed(0)
    real, fake = (torch.randn(3, 1, 2, 2, dtype=torch.float64).requires_grad_() for _ in range(2))
    assert torch.autograd.gradcheck(objective.discriminator, (real, fake))
    assert torch.autograd.gradcheck(objective.generator, (fake, real))


@OBJECTIVES
def test_discriminator_and_generator_oppose_each_other(objective: Adversarial) -> None:
    real, fake = torch.zeros(2, 1), torch.zeros(2, 1, requires_grad=True)
    (for_d,) = torch.autograd.grad(objective.discriminator(real, fake).sum(), fake, allow_unused=True)
    (for_g,) = torch.autograd.grad(objective.generator(fake, real).sum(), fake)
    assert (for_g < 0).all() and (for_d >= 0).all()


def test_relativistic_over_two_ranks_equals_one_process(tmp_path: Path) -> None:
    environment = os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    outputs = [tmp_path / f"{rank}.pt" for rank in range(2)]
    ranks = [
        subprocess.Popen([sys.executable, STEP, str(rank), "2", tmp_path / "store", output], env=environment)
        for rank, output in enumerate(outputs)
    ]
    try:
        assert [rank.wait(timeout=120) for rank in ranks] == [0, 0]
    finally:
        for rank in ranks:
            rank.kill()
    first, second = (torch.load(output, weights_only=True) for output in outputs)

    step = runpy.run_path(str(STEP))["step"]
    alone = step(rank=0, world_size=1, wrap=lambda module: module)
    torch.testing.assert_close((first["losses"] + second["losses"]) / 2, alone["losses"])
    for averaged, same, expected in zip(first["gradients"], second["gradients"], alone["gradients"], strict=True):
        assert expected.any()
        torch.testing.assert_close(averaged, same, rtol=0, atol=0)
        torch.testing.assert_close(averaged, expected)

    # Without the common mean it would be another loss: halves of the batch, each by itself.
    halves = [step(rank, 2, lambda module: module)["losses"] for rank in range(2)]
    assert ((halves[0] + halves[1]) / 2 - alone["losses"]).abs().min() > 1e-3
