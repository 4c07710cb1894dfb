"""HED: boundaries found by a network."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from published import published
from torch import Tensor

from henkan.errors import MissingWeights
from henkan.pretrained import catalogue, weights
from henkan.pretrained.edges import HED, MEAN


@pytest.fixture
def zeros(monkeypatch: pytest.MonkeyPatch) -> dict[str, Tensor]:
    """Weights of 0 stand in for the published ones."""
    found = {name: torch.zeros(shape) for name, shape in catalogue.hed().items()}
    monkeypatch.setattr(weights, "load_known", lambda name: found)
    return found


def test_side_outputs_are_weighed_and_enlarged(zeros: dict[str, Tensor]) -> None:
    network, picture = HED(), torch.rand(2, 3, 21, 34)
    assert torch.equal(network(picture), torch.full((2, 1, 21, 34), 0.5))
    for number in range(1, 6):
        zeros[f"side{number}.bias"].fill_(number)
    zeros["fuse.weight"].copy_(torch.tensor([0.1, 0.2, -0.3, 0.4, -0.2]).view(1, 5, 1, 1))
    zeros["fuse.bias"].fill_(0.5)
    # 0.1 + 0.4 - 0.9 + 1.6 - 1.0 + 0.5
    torch.testing.assert_close(HED()(picture), torch.full((2, 1, 21, 34), torch.sigmoid(torch.tensor(0.7)).item()))


def test_the_first_side_sees_values_of_0_to_255_less_the_mean(zeros: dict[str, Tensor]) -> None:
    zeros["conv1_1.weight"][0, :, 1, 1] = 0.01
    zeros["conv1_2.weight"][0, 0, 1, 1] = 1.0
    zeros["side1.weight"][0, 0] = 1.0
    zeros["fuse.weight"][0, 0] = 1.0
    picture = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    values = (255 * picture - torch.tensor(MEAN).view(3, 1, 1)).sum(1, keepdim=True) * 0.01
    torch.testing.assert_close(HED()(picture), torch.sigmoid(values.relu()))


def test_it_is_frozen_and_its_weights_may_be_absent(
    zeros: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = HED()
    assert not any(value.requires_grad for value in network.parameters())
    monkeypatch.undo()
    monkeypatch.setenv("HENKAN_WEIGHTS", str(tmp_path))
    with pytest.raises(MissingWeights, match=r"^hed_bsds500\.safetensors is missing: "):
        HED()


def test_the_rim_of_a_disc_is_the_boundary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HENKAN_WEIGHTS", str(published("hed_bsds500.safetensors").parent))
    rows, columns = torch.meshgrid(torch.arange(97.0), torch.arange(120.0), indexing="ij")
    away = torch.hypot(rows - 48, columns - 60) - 30
    ground = torch.tensor([0.25, 0.5, 0.3]).view(1, 3, 1, 1)
    picture = torch.where(away < 0, torch.tensor([0.9, 0.3, 0.2]).view(1, 3, 1, 1), ground)
    found = HED()(picture)[0, 0]
    assert found[away.abs() < 1].mean() > 0.7 and found[away.abs() > 12].mean() < 0.1
