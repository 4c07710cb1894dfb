from __future__ import annotations

from typing import Any

import torch

from henkan import color
from henkan.sample import Composed, Sample
from henkan.tasks.style_transfer import StyleTransfer


def make_sample() -> dict[str, Any]:
    torch.manual_seed(0)
    target = torch.rand(2, 3, 16, 24)
    return {
        "target": target,
        "source": target,
        "style_picture": torch.rand(2, 3, 128, 96),
        "window": torch.tensor([[6, 8], [6, 8]]),
        "window_real": torch.tensor([[4, 4], [12, 12]]),
    }


def composed(raw: torch.Tensor, sample: Sample, **settings: Any) -> Composed:
    return Composed({**sample, "raw": raw, **StyleTransfer(window=8, **settings).compose(raw, sample)})


def test_the_output_is_the_answer_clipped() -> None:
    sample = make_sample()
    assert torch.equal(StyleTransfer(window=8).condition(sample)["image"], sample["source"])
    raw = 3 * torch.rand(2, 3, 16, 24) - 1
    found = composed(raw, sample)
    assert found["prediction"] is raw and torch.equal(found["output"], raw.clamp(0, 1))
    assert found["target"] is sample["target"] and found["style_picture"] is sample["style_picture"]


def test_colors_are_kept_and_lightness_is_painted() -> None:
    sample = make_sample()
    sample["source"] = 0.4 + 0.2 * sample["source"]  # near grey: any lightness between can be shown
    raw = 0.4 + 0.2 * torch.rand(2, 3, 16, 24)
    kept = color.rgb_to_lab(composed(raw, sample, keep_color=True)["output"])
    torch.testing.assert_close(kept[:, :1], color.rgb_to_lab(raw)[:, :1], atol=0.05, rtol=0)
    torch.testing.assert_close(kept[:, 1:], color.rgb_to_lab(sample["source"])[:, 1:], atol=0.1, rtol=0)
    # A person's own picture brings no target and no style.
    assert composed(raw, {"source": sample["source"]}, keep_color=True)["output"].shape == raw.shape


def test_a_coarse_answer_is_compared_at_its_own_scale() -> None:
    sample = make_sample()
    found = composed(torch.rand(2, 3, 8, 12), sample, keep_color=True)
    blocks = sample["target"].unflatten(2, (8, 2)).unflatten(4, (12, 2)).mean((3, 5))
    torch.testing.assert_close(found["target"], blocks)
    assert found["style_picture"].shape == (2, 3, 64, 48) and found["output"].shape == (2, 3, 8, 12)
    # To a point: of a style picture with no pixels left there is nothing to see.
    assert composed(torch.rand(2, 3, 2, 3), sample)["style_picture"].shape == (2, 3, 43, 32)
    small = {**sample, "style_picture": torch.rand(2, 3, 20, 20)}
    assert composed(torch.rand(2, 3, 2, 3), small)["style_picture"] is small["style_picture"]


def test_panels_are_of_one_shape() -> None:
    task, sample = StyleTransfer(window=8), {**make_sample(), "output": torch.rand(2, 3, 16, 24)}
    panels = task.panels(sample)
    assert list(panels) == ["source", "output", "style"]
    assert {panel.shape for panel in panels.values()} == {(2, 3, 16, 24)}
    assert (panels["style"][..., :6] == 1).all() and (panels["style"][..., -6:] == 1).all()  # 12 of 24 columns
    del sample["style_picture"]
    assert list(task.panels(sample)) == ["source", "output"]


def test_what_a_discriminator_may_see() -> None:
    sample = make_sample()
    for side, top in (("real", 0), ("fake", 2)):
        judged = StyleTransfer(window=8).judged("target", sample, side)  # type: ignore[arg-type]
        assert judged["condition"] is sample["source"]
        assert torch.equal(judged["window"][0], sample["target"][0, :, top : top + 8, 2 * top : 2 * top + 8])
