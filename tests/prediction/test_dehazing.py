"""A person's own hazy picture: of any size and mode, whole or in tiles, by a run or by a method that learns nothing."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image
from torch import Tensor, nn

from henkan.baselines.dark_channel import DarkChannel
from henkan.degradations.identity import Identity
from henkan.errors import UserError
from henkan.generators.aod_net import AODNet
from henkan.launching.execute import execute
from henkan.prediction.dehazing import ClearHaze
from henkan.tasks.dehazing import Dehazing
from henkan.transform import Transform


class Contrast(nn.Module):
    """Takes half of a white veil away."""

    context, multiple = 0, 1

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return {"raw": image * 2 - 1}


def predictor(network: nn.Module, megapixels: float = 1.0) -> ClearHaze:
    cfg = OmegaConf.create({"megapixels": megapixels})
    return ClearHaze(network, Transform(Dehazing(8), Identity()), cfg, OmegaConf.create({}))


def hazy(path: Path, mode: str = "RGB", size: tuple[int, int] = (40, 56)) -> Path:
    pixels = np.random.default_rng(0).integers(128, 256, (*size, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).convert(mode)
    if mode in ("LA", "RGBA"):
        image.putalpha(Image.fromarray(np.random.default_rng(1).integers(0, 256, size, dtype=np.uint8)))
    image.save(path, icc_profile=PROFILE if mode == "RGB" else None)
    return path


# Bytes 16 to 20 of a profile name its color space.
PROFILE = bytes(16) + b"RGB " + bytes(108)


def opened(predict: ClearHaze, path: Path) -> Image.Image:
    ((ending, content),) = predict(path)
    assert ending == ".png"
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("mode", ["RGB", "L", "LA", "RGBA"])
def test_mode_alpha_and_profile_stay(tmp_path: Path, mode: str) -> None:
    path = hazy(tmp_path / "a.png", mode)
    before, after = Image.open(path), opened(predictor(Contrast()), path)
    assert after.mode == mode and after.size == before.size
    expected = np.asarray(before.convert("RGB"), int) * 2 - 255
    assert np.abs(np.asarray(after.convert("RGB"), int) - expected.clip(0, 255)).max() <= 1
    if mode in ("LA", "RGBA"):
        assert np.array_equal(after.getchannel("A"), before.getchannel("A"))
    assert after.info.get("icc_profile") == (PROFILE if mode == "RGB" else None)


def test_tiles_equal_the_whole() -> None:
    torch.manual_seed(0)
    network = AODNet()
    for layer in network.children():
        nn.init.normal_(layer.weight, 0.0, 0.2)  # type: ignore[arg-type]
    picture = np.random.default_rng(0).random((301, 260, 3), np.float32)
    whole = predictor(network).answer(picture, "a.png")
    assert np.abs(predictor(network, megapixels=0.02).answer(picture, "a.png") - whole).max() < 1e-5


def test_what_needs_the_whole_picture_is_not_given_tiles() -> None:
    picture = np.random.default_rng(0).random((30, 50, 3), np.float32)
    with pytest.raises(
        UserError, match=r"a\.png has 0\.00 megapixels, and is needed as a whole: give megapixels=0\.01"
    ):
        predictor(DarkChannel(), megapixels=0.001).answer(picture, "a.png")
    assert predictor(DarkChannel(), megapixels=0.01).answer(picture, "a.png").shape == (30, 50, 3)


def test_what_it_has_no_use_for_is_refused_and_not_passed_over() -> None:
    predict = predictor(AODNet())
    predict.cfg.mask = "a_mask.png"
    with pytest.raises(UserError, match=r"mask: AODNet does not take it \(dehazing\): it takes a picture alone"):
        predict.expect([Path("a.png")])


@pytest.mark.parametrize("size", [(1, 1), (3, 90)])
def test_pictures_of_any_size(tmp_path: Path, size: tuple[int, int]) -> None:
    for network in (DarkChannel(), AODNet()):
        assert opened(predictor(network), hazy(tmp_path / "a.png", size=size)).size == size[::-1]


def test_a_method_that_learns_nothing_clears_a_folder(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "in").mkdir()
    pages = [hazy(tmp_path / "in" / f"{name}.png") for name in "ab"]
    words = ["task=dehazing", "generator=dark_channel", f"input={tmp_path / 'in'}", f"output={tmp_path / 'out'}"]
    assert execute("predict", words).code == 0
    for page in pages:
        result = Image.open(tmp_path / "out" / page.name)
        assert result.size == (56, 40) and np.asarray(result).mean() < np.asarray(Image.open(page)).mean() - 20
    capsys.readouterr()
    assert execute("predict", [*words, f"output={tmp_path / 'in'}"]).code == 2
    assert "is an input" in capsys.readouterr().err
