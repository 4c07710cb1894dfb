"""A person's own pictures through a network that has learned a style."""

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

from henkan.degradations.style_picture import StylePicture
from henkan.errors import UserError
from henkan.generators.johnson import Johnson
from henkan.generators.pixels import Pixels
from henkan.prediction.style_transfer import PaintPictures
from henkan.tasks.style_transfer import StyleTransfer
from henkan.transform import Transform


class Negative(nn.Module):
    context = 0

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return {"raw": 1 - image}


def predictor(network: nn.Module | None = None, **given: Any) -> PaintPictures:
    cfg = OmegaConf.create({"megapixels": 1.0, "side": None, "style": None, **given})
    # The style picture was on another machine.
    transform = Transform(StyleTransfer(window=8), StylePicture("nowhere.png"))
    return PaintPictures((network or Negative()).eval(), transform, cfg, OmegaConf.create({}))


def photo(path: Path, mode: str = "RGB") -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 44, 4), np.uint8)
    image = Image.fromarray(pixels, "RGBA") if mode == "RGBA" else Image.fromarray(pixels[..., :3]).convert(mode)
    image.save(path)
    return path


def painted(path: Path, predict: PaintPictures) -> Image.Image:
    predict.expect([path])
    ((ending, content),) = predict(path)
    assert ending == ".png"
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA"])
def test_pictures_of_any_mode(tmp_path: Path, mode: str) -> None:
    path = photo(tmp_path / "a.png", mode)
    result = painted(path, predictor())
    assert result.size == (44, 30) and result.mode == ("RGBA" if mode == "RGBA" else "RGB")
    if mode == "RGBA":
        assert np.array_equal(result.getchannel("A"), Image.open(path).getchannel("A"))
    else:
        shown = np.asarray(Image.open(path).convert("RGB"))
        assert np.array_equal(np.asarray(result), 255 - shown)


def test_a_picture_is_painted_at_the_side_that_is_asked_for(tmp_path: Path) -> None:
    path = photo(tmp_path / "a.png", "RGBA")
    assert painted(path, predictor(side=15)).size == (22, 15)
    with pytest.raises(UserError, match="side=0 must be a number of pixels"):
        predictor(side=0).expect([path])


def test_tiles_answer_as_the_whole_does() -> None:
    torch.manual_seed(0)
    network = Johnson(width=0.25)
    network(torch.rand(2, 3, 32, 32))  # some batch statistics
    picture = np.random.default_rng(0).random((212, 460, 3), np.float32)
    whole, tiled = (predictor(network, megapixels=size).answer(picture, "a") for size in (1.0, 0.08))
    assert np.abs(whole - tiled).max() < 1e-4


def test_tiles_of_a_network_that_normalizes_over_the_whole_are_announced(capsys: pytest.CaptureFixture[str]) -> None:
    network = Johnson(width=0.25, normalization=nn.InstanceNorm2d)
    picture = np.random.default_rng(0).random((420, 424, 3), np.float32)
    predictor(network).answer(picture, "a.png")
    assert capsys.readouterr().err == ""
    predictor(network, megapixels=0.16).answer(picture, "a.png")
    assert "a.png: this network normalizes over whole pictures" in capsys.readouterr().err


def test_a_picture_of_which_a_network_sees_one_pixel_is_said_to_be_too_small() -> None:
    network, picture = Johnson(width=0.25, normalization=nn.InstanceNorm2d), Image.new("RGB", (3, 2))
    with pytest.raises(UserError, match="the picture has 3x2 pixels, too few for this network: side=8 paints it"):
        predictor(network).made(picture)
    assert predictor(network, side=8).made(picture).size == (12, 8)
    with pytest.raises(UserError, match="the picture has 30000x20000 pixels by side=20000, more than 179 million"):
        predictor(network, side=20_000).made(picture)


@pytest.mark.parametrize(
    ("network", "given", "message"),
    [
        (Pixels(8), {}, "can paint no other: train a network with experiment=johnson"),
        (None, {"style": "b.png"}, "a network has one style, that of its training"),
    ],
)
def test_refuses(network: nn.Module | None, given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        predictor(network, **given).expect([Path("a.png")])
