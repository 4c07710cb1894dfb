"""Features of real and fake, layer by layer."""

from __future__ import annotations

import pytest
import torch

from henkan.errors import UserError
from henkan.losses.feature_matching import FeatureMatching
from henkan.losses.l1 import L1


def test_closed_form() -> None:
    fake = [torch.zeros(2, 3, 4, 4), torch.zeros(2, 5, 2, 2)]
    real = [torch.full((2, 3, 4, 4), 2.0), torch.full((2, 5, 2, 2), 3.0)]
    assert FeatureMatching()(fake, real).tolist() == [(4.0 + 9.0) / 2] * 2
    assert FeatureMatching(L1())(fake, real).tolist() == [(2.0 + 3.0) / 2] * 2
    assert FeatureMatching()(real, real).tolist() == [0.0, 0.0]


def test_only_the_fake_features_are_pulled() -> None:
    fake, real = torch.ones(1, 2, 3, 3, requires_grad=True), torch.zeros(1, 2, 3, 3, requires_grad=True)
    FeatureMatching()([fake], [real]).sum().backward()
    assert fake.grad is not None and fake.grad.abs().sum() > 0
    assert real.grad is None


def test_layers_must_agree() -> None:
    with pytest.raises(UserError, match="layer by layer"):
        FeatureMatching()([], [])
    with pytest.raises(UserError, match="returned 1 and 2"):
        FeatureMatching()([torch.zeros(1, 1)], [torch.zeros(1, 1)] * 2)
