"""The task of finding edits: one map is raw, prediction and output, and is judged beside the picture."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from henkan.errors import UserError
from henkan.tasks.edit_detection import EditDetection
from henkan.transform import Transform


def sample() -> dict[str, Any]:
    torch.manual_seed(0)
    target = (torch.rand(2, 1, 16, 16) < 0.2).float()
    window, other = torch.tensor([[8, 8], [4, 4]]), torch.tensor([[12, 12], [8, 8]])
    return {"source": torch.rand(2, 3, 16, 16), "target": target, "window": window, "window_real": other}


class Half(torch.nn.Module):
    """Answers half of the picture's mean."""

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"raw": image.mean(1, keepdim=True) / 2}


def test_the_map_is_the_output_and_its_gradient_goes_back_whole() -> None:
    task, given = EditDetection(window=8), sample()
    raw = torch.rand(2, 1, 16, 16, requires_grad=True)
    made = {**given, "raw": raw, **task.compose(raw, given)}
    assert made["output"] is raw and made["prediction"] is raw
    torch.nn.functional.mse_loss(made["output"], made["target"]).backward()
    assert raw.grad is not None and (raw.grad != 0).all()


def test_a_discriminator_sees_the_map_as_a_picture_beside_the_source() -> None:
    task = EditDetection(window=8)
    made = Transform(task, None).generate(Half(), sample())  # type: ignore[arg-type]
    torch.testing.assert_close(made["output"], made["source"].mean(1, keepdim=True) / 2)
    fake, real = task.judged("output", made, "fake"), task.judged("target", made, "real")
    for judged, key in ((fake, "output"), (real, "target")):
        assert torch.equal(judged["image"], made[key].expand(-1, 3, -1, -1))
        assert torch.equal(judged["condition"], made["source"])
        assert judged["window"].shape == (2, 3, 8, 8)
    assert torch.equal(real["window"][0, :, :, :], real["image"][0, :, 8:16, 8:16])
    assert torch.equal(fake["window"][0, :, :, :], fake["image"][0, :, 4:12, 4:12])


def test_panels_are_of_one_kind_and_a_mask_is_not_offered() -> None:
    task = EditDetection(window=8)
    made = {**sample(), "output": torch.rand(2, 1, 16, 16)}
    panels = task.panels(made)
    assert list(panels) == ["source", "output", "target"] and {panel.shape for panel in panels.values()} == {
        (2, 3, 16, 16)
    }

    class Completer(torch.nn.Module):
        def forward(self, image: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"raw": mask}

    with pytest.raises(UserError, match="needs 'mask', which EditDetection does not offer"):
        Transform(task, None).generate(Completer(), sample())  # type: ignore[arg-type]
