from __future__ import annotations

import torch

from henkan.sample import Sample
from henkan.tasks.completion import Completion


def make_sample() -> Sample:
    torch.manual_seed(0)
    target = torch.rand(2, 3, 16, 16)
    mask = torch.zeros(2, 1, 16, 16)
    mask[:, :, 4:9, 5:12] = 1
    centers = torch.tensor([[6, 8], [6, 8]])
    return {
        "target": target,
        "mask": mask,
        "source": torch.where(mask > 0, 0.5, target),
        "window": centers,
        "window_real": torch.tensor([[4, 4], [12, 12]]),
    }


def test_known_pixels_are_kept_bit_for_bit() -> None:
    sample = make_sample()
    raw = torch.rand(2, 3, 16, 16)
    composed = Completion(window=8).compose(raw, sample)
    known = (sample["mask"] == 0).expand_as(raw)
    assert torch.equal(composed["output"][known], sample["target"][known])
    assert torch.equal(composed["output"][~known], raw[~known])
    assert torch.equal(composed["prediction"], raw)


def test_gradient_outside_the_hole_is_exactly_zero() -> None:
    sample = make_sample()
    raw = torch.rand(2, 3, 16, 16, requires_grad=True)
    Completion(window=8).compose(raw, sample)["output"].square().sum().backward()
    assert raw.grad is not None
    known = (sample["mask"] == 0).expand_as(raw)
    assert raw.grad[known].abs().max() == 0
    assert raw.grad[~known].abs().min() > 0


def test_real_and_fake_have_windows_of_their_own() -> None:
    sample = make_sample()
    task = Completion(window=8)
    real = task.judged("target", sample, "real")
    fake = task.judged("target", sample, "fake")
    assert torch.equal(fake["window"], sample["target"][:, :, 2:10, 4:12])
    assert torch.equal(real["window"][0], sample["target"][0, :, :8, :8])
    assert torch.equal(real["window"][1], sample["target"][1, :, 8:, 8:])
