"""Super-resolution: small pictures in, large ones out, from the degradation to the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from PIL import Image

from henkan.baselines.resize import Bicubic as BicubicBaseline
from henkan.baselines.resize import Lanczos
from henkan.data.stream import collate
from henkan.degradations.bicubic import Bicubic
from henkan.errors import UserError
from henkan.launching.execute import execute
from henkan.metrics.cropped import PSNRCrop, PSNRYCrop, SSIMYCrop
from henkan.prediction.super_resolution import EnlargePictures
from henkan.sample import Sample
from henkan.tasks.super_resolution import SuperResolution
from henkan.transform import Transform


def batch(height: int = 26, width: int = 33, scale: int = 4) -> Sample:
    rng = np.random.default_rng(0)
    target = rng.integers(0, 256, (height, width, 3), np.uint8)
    drawn = Bicubic(scale).draw(target, rng)
    return collate([{"target": target.transpose(2, 0, 1), "name": "a", "index": 0, **drawn}])


def transform(scale: int = 4) -> Transform:
    return Transform(SuperResolution(scale, window=8), Bicubic(scale))


def test_sides_are_cut_to_a_multiple_and_the_source_has_8_bits() -> None:
    sample = transform().prepare(batch())
    assert sample["target"].shape == (1, 3, 24, 32) and sample["source"].shape == (1, 3, 6, 8)
    levels = sample["source"] * 255
    torch.testing.assert_close(levels, levels.round(), atol=1e-4, rtol=0)


def test_what_is_asked_composed_judged_and_shown() -> None:
    own = transform()
    sample = own.generate(BicubicBaseline(4), own.prepare(batch()))
    assert sample["output"].shape == sample["target"].shape
    judged = own.task.judged("output", sample, "fake")
    assert judged["image"] is sample["output"]
    assert judged["condition"].shape == sample["target"].shape and judged["window"].shape == (1, 3, 8, 8)
    assert {name: panel.shape for name, panel in own.task.panels(sample).items()} == dict.fromkeys(
        ("source", "output", "target"), sample["target"].shape
    )


def test_what_the_source_does_not_tell_is_judged() -> None:
    own = Transform(SuperResolution(4, window=8, judged_in="residual"), Bicubic(4))
    sample = own.generate(BicubicBaseline(4), own.prepare(batch()))
    unclipped = sample["output"] - 1 / 16
    sample["output"] = unclipped
    judged = own.task.judged("output", sample, "fake")["image"]
    inside = (unclipped > 1 / 255 - 1 / 16) & (unclipped < 254 / 255 - 1 / 16)
    torch.testing.assert_close(judged[inside], torch.full_like(judged[inside], 0.25))
    with pytest.raises(UserError, match="judged_in=lab"):
        SuperResolution(4, 8, judged_in="lab")  # type: ignore[arg-type]


@pytest.mark.parametrize("network", [BicubicBaseline(2), torch.nn.Identity()])
def test_a_network_of_another_scale_is_refused(network: torch.nn.Module) -> None:
    own = transform()
    network.forward = lambda image: {"raw": image}  # type: ignore[method-assign]
    with pytest.raises(UserError, match=r"makes pictures \d times larger, and the task is to make them 4 times larger"):
        own.generate(network, own.prepare(batch()))


@pytest.mark.parametrize("method", [BicubicBaseline, Lanczos])
def test_interpolations_keep_flat_pictures_and_stay_in_range(
    method: Callable[[int], BicubicBaseline | Lanczos],
) -> None:
    flat = torch.full((2, 3, 6, 8), 0.7)
    raw = method(3)(flat)["raw"]
    assert raw.shape == (2, 3, 18, 24)
    torch.testing.assert_close(raw, torch.full_like(raw, 0.7))
    edge = (torch.arange(64) > 31).float().expand(1, 3, 64, 64)
    assert method(4)(edge)["raw"].min() >= 0 and method(4)(edge)["raw"].max() <= 1


def test_scores_leave_a_rim_as_wide_as_the_scale_out() -> None:
    target = torch.randint(0, 255, (1, 3, 32, 40), generator=torch.Generator().manual_seed(0)) / 255
    source = torch.zeros(1, 3, 8, 10)
    output = target + 1 / 255
    # What lies in the rim of four pixels counts nothing.
    output[..., :4, :] = 0.0
    output[..., -4:] = 0.0
    assert PSNRCrop()(output, target, source).item() == pytest.approx(48.1308, abs=1e-3)
    # A level more in every channel is 219 of 255 levels more of Y.
    assert PSNRYCrop()(output, target, source).item() == pytest.approx(48.1308 + 20 * np.log10(255 / 219), abs=1e-3)
    assert SSIMYCrop()(output, target, source).item() > 0.99
    output[..., 4, 4] = 0.0
    assert PSNRCrop()(output, target, source).item() < 48


def test_nothing_to_score() -> None:
    with pytest.raises(UserError, match="nothing inside a rim of 4"):
        PSNRCrop()(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 2, 2))
    with pytest.raises(UserError, match="in RGB, and these are grey"):
        PSNRYCrop()(torch.zeros(1, 1, 32, 32), torch.zeros(1, 1, 32, 32), torch.zeros(1, 1, 8, 8))


def test_a_picture_too_small_is_named() -> None:
    with pytest.raises(UserError, match=r"tiny.png is 9x3 pixels, which cannot be made 4 times smaller"):
        Bicubic(4).draw(np.zeros((3, 9, 3), np.uint8), np.random.default_rng(0), "tiny.png")
    with pytest.raises(UserError, match="scale=0"):
        Bicubic(0)


class Doubling(torch.nn.Module):
    """Enlarges by bicubic interpolation, as a network of known reach."""

    scale, context, multiple = 2, 8, 2

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        return BicubicBaseline(2)(image)


def predictor(megapixels: float) -> EnlargePictures:
    cfg = OmegaConf.create({"megapixels": megapixels})
    assert isinstance(cfg, DictConfig)
    return EnlargePictures(Doubling(), transform(2), cfg, cfg)


def test_tiles_enlarge_as_the_whole_does(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).random((150, 181, 3), np.float32)
    whole = predictor(1.0).answer(picture, "a.png")
    assert whole.shape == (300, 362, 3)
    tiled = predictor(0.012).answer(picture, "a.png")
    assert np.abs(whole - tiled).max() < 1e-5


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA"])
def test_files_keep_their_mode(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 10, 4), np.uint8), "RGBA").convert(mode).save(path)
    ((ending, content),) = predictor(1.0)(path)
    (tmp_path / "b.png").write_bytes(content)
    with Image.open(tmp_path / "b.png") as large:
        assert (ending, large.mode, large.size) == (".png", mode, (20, 24))


@pytest.mark.parametrize(("scale", "expected"), [(2, 33.68), (3, 30.40), (4, 28.43)])
def test_set5_by_the_command(
    beside: Callable[[str], Path], tmp_path: Path, scale: int, expected: float, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["task=super_resolution", "degradation=bicubic", f"degradation.scale={scale}", "generator=bicubic"]
    words += ["data=set5", f"data.path={beside('data/set5')}", "metric=[psnr_y_crop]", "logger=none"]
    assert execute("evaluate", [*words, f"paths.runs={tmp_path}", f"paths.cache={tmp_path / 'cache'}"]).code == 0
    found = float(capfd.readouterr().err.split("psnr_y_crop")[1].split("│")[1])
    assert found == pytest.approx(expected, abs=0.006)


@pytest.mark.slow
@pytest.mark.parametrize(("generator", "expected"), [("bicubic", 26.69), ("pretrained", 24.36)])
def test_set5_by_a_published_network(
    beside: Callable[[str], Path], tmp_path: Path, generator: str, expected: float, capfd: pytest.CaptureFixture[str]
) -> None:
    """Real-ESRGAN's x4plus, which is trained to please, is farther from the truth than bicubic interpolation."""
    words = ["task=super_resolution", "degradation=bicubic", f"generator={generator}", "metric=[psnr_crop]"]
    if generator == "pretrained":
        pytest.importorskip("spandrel")
        file = beside("weights/realesrgan_x4plus.safetensors")
        words += [f"generator.weights={file.name}", f"paths.weights={file.parent}"]
    words += ["data=set5", f"data.path={beside('data/set5')}", "logger=none", "trainer.precision=32-true"]
    assert execute("evaluate", [*words, f"paths.runs={tmp_path}", f"paths.cache={tmp_path / 'cache'}"]).code == 0
    found = float(capfd.readouterr().err.split("psnr_crop")[1].split("│")[1])
    assert found == pytest.approx(expected, abs=0.05)
