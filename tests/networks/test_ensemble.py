"""A picture shown in eight ways."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from henkan.degradations.bicubic import Bicubic
from henkan.generators.rrdbnet import RRDBNet
from henkan.networks.ensemble import SelfEnsemble
from henkan.tasks.super_resolution import SuperResolution
from henkan.transform import Transform


class Brighter(nn.Module):
    """Adds to a picture twice as large how far to the right each pixel is: no symmetry at all."""

    scale = 2

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        large = image.repeat_interleave(2, -2).repeat_interleave(2, -1)
        return {"raw": large + torch.arange(large.shape[-1]), "other": image}


def test_the_mean_over_all_eight() -> None:
    image = torch.rand(2, 3, 4, 6)
    found = SelfEnsemble(Brighter())(image)
    # From the left, the right, the top and the bottom, each twice: the mean over all is the same everywhere.
    mean = torch.full((), (11 / 2 + 7 / 2) / 2)
    large = image.repeat_interleave(2, -2).repeat_interleave(2, -1)
    torch.testing.assert_close(found["raw"], large + mean)
    assert list(found) == ["raw"]


@pytest.mark.parametrize("side", [(8, 8), (6, 10)])
def test_a_turned_picture_has_the_turned_answer(side: tuple[int, int]) -> None:
    torch.manual_seed(0)
    network, image = RRDBNet(2, blocks=1, width=0.1).eval(), torch.rand(1, 3, *side)
    whole = SelfEnsemble(network)
    with torch.no_grad():
        for turned in (lambda x: torch.rot90(x, 1, (-2, -1)), lambda x: x.flip(-1), lambda x: x.flip(-2)):
            torch.testing.assert_close(whole(turned(image))["raw"], turned(whole(image)["raw"]))
            assert not torch.allclose(network(turned(image))["raw"], turned(network(image)["raw"]), atol=1e-6)


def test_it_stands_in_for_its_network() -> None:
    network = RRDBNet(2, blocks=1, width=0.1)
    whole = SelfEnsemble(network)
    assert (whole.scale, whole.multiple) == (2, 2) and not hasattr(whole, "context")
    assert [id(weight) for weight in whole.parameters()] == [id(weight) for weight in network.parameters()]
    with torch.no_grad():
        sample = Transform(SuperResolution(2, window=4), Bicubic(2)).generate(whole, {"source": torch.rand(1, 3, 5, 7)})
    assert sample["output"].shape == (1, 3, 10, 14)
