"""Cross-entropy of the picture's class."""

from __future__ import annotations

import math

import pytest
import torch

from henkan.errors import UserError
from henkan.losses.cross_entropy import CrossEntropy
from henkan.terms.function import Function


def test_closed_form_and_no_class() -> None:
    logits = torch.tensor([[0.0, 0.0, 0.0, 0.0], [math.log(3.0), 0.0, 0.0, 0.0], [9.0, 1.0, 1.0, 1.0]])
    value = CrossEntropy()(logits, torch.tensor([2, 0, -1]))
    torch.testing.assert_close(value, torch.tensor([math.log(4.0), math.log(2.0), 0.0]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gives_one_full_precision_value_per_image(dtype: torch.dtype) -> None:
    value = CrossEntropy()(torch.randn(3, 5).to(dtype), torch.tensor([4, 0, -1]))
    assert value.shape == (3,) and value.dtype == torch.float32 and value.isfinite().all()


def test_gradient() -> None:
    logits = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    label = torch.tensor([1, -1, 4])
    assert torch.autograd.gradcheck(lambda x: CrossEntropy()(x, label), logits)
    CrossEntropy()(logits, label).sum().backward()
    assert logits.grad is not None
    assert not logits.grad[1].any() and logits.grad[0, 1] < 0 < logits.grad[0, 0]


def test_nothing_but_pictures_without_a_class_gives_zero() -> None:
    logits = torch.randn(2, 5, requires_grad=True)
    CrossEntropy()(logits, torch.tensor([-1, -1])).mean().backward()
    assert logits.grad is not None and not logits.grad.any()


def test_refuses_what_does_not_fit() -> None:
    for label in (torch.zeros(2, dtype=torch.int64), torch.zeros(3, 1, dtype=torch.int64)):
        with pytest.raises(UserError, match="reads"):
            CrossEntropy()(torch.zeros(3, 5), label)
    for wrong in (5, -2):
        with pytest.raises(UserError, match="5 classes"):
            CrossEntropy()(torch.zeros(2, 5), torch.tensor([0, wrong]))


def test_without_classes_or_labels_it_is_zero() -> None:
    assert CrossEntropy()() is CrossEntropy()(label=torch.tensor([1])) is CrossEntropy()(torch.zeros(1, 3)) is None
    term = Function("class_label", CrossEntropy(), {"input": "aux.classes", "label": "label"})
    assert term.value({"raw": torch.ones(1, 2, 4, 4), "label": torch.tensor([1])}) == 0
