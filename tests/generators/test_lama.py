from __future__ import annotations

import pytest
import torch

from henkan.errors import UserError
from henkan.generators.lama import LaMa


@pytest.mark.parametrize(("blocks", "count"), [(9, 27_048_835), (18, 50_975_875)])
def test_parameters_are_the_paper_s(blocks: int, count: int) -> None:
    with torch.device("meta"):
        network = LaMa(blocks)
    assert sum(parameter.numel() for parameter in network.parameters()) == count


@pytest.mark.parametrize("size", [(16, 16), (24, 40)])
def test_the_hole_s_content_does_not_matter(size: tuple[int, int]) -> None:
    network = LaMa(blocks=2, width=0.125).eval()
    image, mask = torch.rand(2, 3, *size), torch.zeros(2, 1, *size)
    mask[..., 4:9, 3:11] = 1
    with torch.no_grad():
        first = network(image, mask)["raw"]
        second = network(torch.where(mask > 0, 1 - image, image), mask)["raw"]
    assert first.shape == image.shape and first.min() >= 0 and first.max() <= 1
    assert torch.equal(first, second)


def test_trains_under_bfloat16() -> None:
    network = LaMa(blocks=1, width=0.125)
    with torch.autocast("cpu", torch.bfloat16):
        raw = network(torch.rand(2, 3, 32, 32), torch.ones(2, 1, 32, 32))["raw"]
    raw.sum().backward()
    assert raw.dtype == torch.float32
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_too_small_a_picture_is_refused() -> None:
    with pytest.raises(UserError, match="16 pixels"):
        LaMa(blocks=1, width=0.125)(torch.rand(1, 3, 8, 8), torch.ones(1, 1, 8, 8))
