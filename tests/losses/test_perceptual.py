from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from henkan.errors import UserError
from henkan.losses.mse import MSE
from henkan.losses.perceptual import Perceptual
from henkan.pretrained.features import Lite0


class Pyramid(nn.Module):
    """A stand-in for a frozen network: `pixels` doubles the picture, `half` halves its sides."""

    def __init__(self, layers: Sequence[str]) -> None:
        super().__init__()
        self.layers = list(layers)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        everything = {"pixels": 2 * images, "half": avg_pool2d(images, 2)}
        return {name: everything[name] for name in self.layers}


def test_closed_form() -> None:
    target = torch.rand(2, 3, 4, 4)
    input = target.clone()
    input[1, :, 0, 0] += 0.4  # a 16th of `pixels` differs by 0.8, a quarter of `half` by 0.1
    l1 = Perceptual(Pyramid, {"pixels": 0.5, "half": 3.0})(input, target)
    torch.testing.assert_close(l1, torch.tensor([0, 0.5 * 0.8 / 16 + 3.0 * 0.1 / 4]))
    squared = Perceptual(Pyramid, {"half": 3.0}, distance=MSE())(input=input, target=target)
    torch.testing.assert_close(squared, torch.tensor([0, 3.0 * 0.01 / 4]))


def test_refuses_what_does_not_fit() -> None:
    term = Perceptual(Pyramid, {"half": 1.0})
    # The features of sides 4 and 5 have one size: the pictures themselves are compared.
    for target in (torch.rand(2, 3, 5, 4), torch.rand(1, 3, 4, 4)):
        with pytest.raises(UserError, match="differ in shape"):
            term(torch.rand(2, 3, 4, 4), target)


def test_gradient_reaches_the_input_only() -> None:
    torch.manual_seed(0)
    input, target = (torch.rand(1, 3, 4, 4, dtype=torch.float64).requires_grad_() for _ in range(2))
    term = Perceptual(Pyramid, {"pixels": 1.0, "half": 1.0}, distance=MSE())
    assert torch.autograd.gradcheck(lambda x: term(x, target), input)
    term(input, target).sum().backward()
    assert input.grad is not None and input.grad.any() and target.grad is None


def test_lite0_sees_blur_and_sends_a_gradient() -> None:
    torch.manual_seed(0)
    target = torch.rand(2, 3, 32, 32)
    input = target.clone()
    input[1] = target[1].mean((1, 2), keepdim=True)
    value = Perceptual(Lite0, {"stage1": 1.0, "stage2": 0.5})(input.requires_grad_(), target)
    value.sum().backward()
    assert value.dtype == torch.float32 and value[0] == 0 and value[1] > 0.1
    assert input.grad is not None and input.grad[1].any() and input.grad.isfinite().all()


@pytest.mark.parametrize(("count", "looks"), [(1, [1, 1, 1, 1]), (2, [2, 2] * 3)])
def test_a_single_target_that_stays_the_same_is_looked_at_once(count: int, looks: list[int]) -> None:
    seen: list[int] = []

    class Counting(Pyramid):
        def forward(self, images: Tensor) -> dict[str, Tensor]:
            seen.append(len(images))
            return super().forward(images)

    term, target = Perceptual(Counting, {"half": 1.0}), torch.rand(count, 3, 4, 4)
    values = [term(torch.zeros(count, 3, 4, 4), target.clone()) for _ in range(3)]
    assert seen == looks and all(torch.equal(value, values[0]) for value in values)
    assert not torch.equal(term(torch.zeros(count, 3, 4, 4), target / 2), values[0])
