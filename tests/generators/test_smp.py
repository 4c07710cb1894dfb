"""Networks of segmentation-models-pytorch."""

from __future__ import annotations

import sys

import pytest
import torch

from henkan.errors import UserError
from henkan.generators.smp import SMP

SMALL = "tu-tf_mobilenetv3_small_minimal_100"


@pytest.mark.parametrize("architecture", ["unet", "fpn"])
def test_a_picture_and_a_mask_become_a_picture(architecture: str) -> None:
    torch.manual_seed(0)
    network = SMP(architecture, SMALL, in_channels=4, out_channels=2).eval()
    image, mask = torch.rand(2, 3, 64, 32, requires_grad=True), torch.ones(2, 1, 64, 32)
    raw = network(image, mask)["raw"]
    assert raw.shape == (2, 2, 64, 32) and 0 < raw.min() < raw.max() < 1 and network.multiple == 32
    raw.sum().backward()
    assert image.grad is not None and image.grad.any()
    wanted = torch.sigmoid(network.network(torch.cat((image * 2 - 1, mask), dim=1)))
    torch.testing.assert_close(raw, wanted)
    with pytest.raises(UserError, match=r"built for 4 channels and is given 3.*generator\.in_channels=3"):
        network(image)


def test_scores_of_classes_are_not_bounded() -> None:
    torch.manual_seed(0)
    network = SMP("unet", SMALL, in_channels=1, out_channels=5, bounded=False).eval()
    image = torch.rand(1, 1, 64, 32)
    raw = network(image)["raw"]
    torch.testing.assert_close(raw, network.network(image * 2 - 1))
    assert raw.min() < 0


def test_its_first_weights_are_the_seeds() -> None:
    def first() -> torch.Tensor:
        torch.manual_seed(3)
        return next(SMP("unet", SMALL).parameters())

    assert torch.equal(first(), first())


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"architecture": "unett"}, r"no generator\.architecture=unett: did you mean unet\?"),
        ({"encoder": "resnet19"}, r"no generator\.encoder=resnet19: did you mean resnet"),
        ({"encoder": "tu-nothing_of_the_kind"}, r"no generator\.encoder=tu-nothing_of_the_kind: "),
        ({"architecture": "xyz"}, r"no generator\.architecture=xyz: it has unet, "),
    ],
)
def test_a_name_that_it_does_not_have_is_told(given: dict[str, str], told: str) -> None:
    with pytest.raises(UserError, match=told):
        SMP(**given)


def test_an_absent_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", None)
    with pytest.raises(UserError, match=r"pip install 'henkan\[smp\]'"):
        SMP()
