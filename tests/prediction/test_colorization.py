"""Pictures that are given colors: what of them stays, what points and scribbles do, and what is refused."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image, ImageCms

from henkan import color
from henkan.degradations.global_colors import GlobalColors
from henkan.degradations.grey import Grey
from henkan.degradations.hints import Hints
from henkan.errors import UserError
from henkan.generators.user_guided import UserGuidedColor
from henkan.launching.execute import execute
from henkan.prediction.colorization import ColorPictures
from henkan.tasks.colorization import Colorization
from henkan.transform import Transform

SIDES = (60, 80)


def write(path: Path, mode: str = "RGB", seed: int = 0, sides: tuple[int, int] = SIDES) -> Path:
    """A picture of soft blobs of mild colors."""
    small = np.random.default_rng(seed).integers(90, 160, (6, 8, 3)).astype(np.uint8)
    picture = Image.fromarray(small).resize((sides[1], sides[0]), Image.Resampling.BICUBIC).convert(mode)
    if mode in ("LA", "RGBA"):
        picture.putalpha(Image.fromarray(np.arange(sides[1], dtype=np.uint8)[None].repeat(sides[0], 0)))
    picture.save(path)
    return path


def predict(folder: Path, *more: str) -> int:
    words = ["task=colorization", "degradation=grey", f"output={folder / 'out'}", "trainer.accelerator=cpu"]
    return execute("predict", [*words, *more]).code


def lab(picture: np.ndarray) -> np.ndarray:
    converted: np.ndarray = color.rgb_to_lab(torch.from_numpy(picture[..., :3].copy()).permute(2, 0, 1) / 255).numpy()
    return converted


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
def test_lightness_stays_at_full_size_and_so_does_transparency(mode: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", mode)
    given = [f"input={path}", "side=24", 'points=[[10,10,"#905040"],[70,50,"#4060a0"]]']
    assert predict(tmp_path, "generator=levin", *given) == 0
    with Image.open(path) as before, Image.open(tmp_path / "out" / "a.png") as after:
        assert after.mode == ("RGBA" if mode in ("LA", "RGBA") else "RGB")
        old, new = np.asarray(before.convert("RGBA")), np.asarray(after.convert("RGBA"))
    inside = ((new[..., :3] > 0) & (new[..., :3] < 255)).all(2)
    assert inside.mean() > 0.99
    greys = [color.grey(torch.from_numpy(lab(picture)[0])) for picture in (old, new)]
    levels = 255 * (greys[0] - greys[1]).abs().numpy()
    assert levels[inside].max() <= 1.0
    assert np.array_equal(old[..., 3], new[..., 3])
    assert np.abs(lab(new)[1:]).max() > 10


def test_without_hints_grey_is_grey(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png")
    assert predict(tmp_path, "generator=grey", f"input={path}") == 0
    new = np.asarray(Image.open(tmp_path / "out" / "a.png")).astype(int)
    assert np.ptp(new, axis=2).max() <= 1


def test_a_point_colors_its_place(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png")
    table = tmp_path / "points.csv"
    # As spreadsheets write it.
    table.write_text("x,y,color\n20,30,#a04040\n60,30,#4060c0\n", encoding="utf-8-sig")
    found = {}
    for name, points in (("list", 'points=[[20,30,"#a04040"],[60,30,"#4060c0"]]'), ("file", f"points={table}")):
        assert predict(tmp_path, "generator=levin", f"input={path}", points, f"output={tmp_path / name}") == 0
        found[name] = np.asarray(Image.open(tmp_path / name / "a.png"))
    assert np.array_equal(found["list"], found["file"])
    for (x, y), word in (((20, 30), (160, 64, 64)), ((60, 30), (64, 96, 192))):
        wanted = lab(np.array([[word]], np.uint8))[1:, 0, 0]
        np.testing.assert_allclose(lab(found["list"])[1:, y, x], wanted, atol=4)


def test_a_scribble_on_white_is_one_on_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png")
    layer = np.zeros((*SIDES, 4), np.uint8)
    layer[10:16, 5:40], layer[40:46, 30:75] = (160, 64, 64, 255), (64, 96, 192, 255)
    Image.fromarray(layer).save(tmp_path / "layer.png")
    on_white = np.where(layer[..., 3:] > 0, layer[..., :3], np.uint8(255))
    Image.fromarray(on_white).save(tmp_path / "white.png")
    Image.fromarray(on_white).convert("RGBA").save(tmp_path / "opaque.png")
    found = []
    for name in ("layer", "white", "opaque"):
        given = [f"scribble={tmp_path / name}.png", f"output={tmp_path / name}", "side=30"]
        assert predict(tmp_path, "generator=levin", f"input={path}", *given) == 0
        found.append(np.asarray(Image.open(tmp_path / name / "a.png")))
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[1], found[2])
    wanted = lab(np.array([[(160, 64, 64)]], np.uint8))[1:, 0, 0]
    np.testing.assert_allclose(lab(found[0])[1:, 12, 20], wanted, atol=6)


def test_a_scribble_in_the_picture_s_folder_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "a.png")
    Image.new("RGB", SIDES[::-1], (160, 64, 64)).save(tmp_path / "in" / "strokes.png")
    given = [f"input={tmp_path / 'in'}", f"scribble={tmp_path / 'in' / 'strokes.png'}", "side=24"]
    assert predict(tmp_path, "generator=levin", *given) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (['points=[[500,10,"#905040"]]'], r"the point \(500, 10\) lies outside"),
        (['points=[[5,10,"reddish"]]'], "'reddish', which is none"),
        (["points=[[5,10]]"], "each is x, y and a color"),
        (['points=[5,10,"#905040"]'], "each is x, y and a color"),
        (["points=5"], "each is x, y and a color"),
        (["points={folder}/latin.csv"], "is no text in UTF-8"),
        (["side=-5"], "side=-5 must be a number of pixels"),
        (["side=abc"], "side=abc must be a number of pixels"),
        (["scribble=5"], "there is no picture 5"),
        (["scribble={folder}/thin.png", "side=4"], "too thin for 5x4 pixels.*raise side=4"),
        (["points=absent.csv"], "no file of points absent.csv"),
        (["scribble={folder}/small.png"], "has 40x30 pixels and .* 80x60: draw it at the picture's size"),
        (["scribble={folder}/empty.png"], "has no stroke"),
        (["scribble={folder}/small.png", "points=[]"], "give one of them"),
        (["style={folder}/small.png"], "takes no style"),
    ],
)
def test_one_line_for_what_cannot_be(
    given: list[str], said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "a.png")
    write(tmp_path / "small.png", sides=(30, 40))
    Image.new("RGB", (80, 60), "white").save(tmp_path / "empty.png")
    thin = Image.new("RGB", (80, 60), "white")
    thin.putpixel((40, 30), (200, 0, 0))
    thin.save(tmp_path / "thin.png")
    (tmp_path / "latin.csv").write_bytes("20,30,größe".encode("latin-1"))
    words = [word.format(folder=tmp_path) for word in given]
    assert predict(tmp_path, "generator=levin", f"input={path}", *words) == 2
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("henkan:")]
    assert re.search(said, line), line


def test_a_profile_stays(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png")
    wide = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with Image.open(path) as picture:
        picture.save(path, icc_profile=wide)
    assert predict(tmp_path, "generator=grey", f"input={path}") == 0
    with Image.open(tmp_path / "out" / "a.png") as result:
        assert result.info["icc_profile"] == wide


def test_a_method_is_applied_to_what_it_is_for(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "a.png")
    words = [f"input={path}", f"output={tmp_path / 'out'}", "trainer.accelerator=cpu"]
    assert execute("predict", ["generator=levin", *words]).code == 2
    assert "this method fills no holes: if it is one for color, add task=colorization" in capfd.readouterr().err
    assert execute("predict", ["task=colorization", "generator=telea", *words]).code == 2
    assert "the generator Telea needs 'mask', which Colorization does not offer" in capfd.readouterr().err


def test_hints_for_what_takes_none(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "a.png")
    assert predict(tmp_path, "generator=grey", f"input={path}", 'points=[[1,1,"#ff0000"]]') == 2
    assert "takes no points" in capfd.readouterr().err


def test_cmyk_becomes_rgb_and_sixteen_bits_are_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(np.full((30, 40, 4), 60, np.uint8), "CMYK").save(tmp_path / "a.tif")
    assert predict(tmp_path, "generator=grey", f"input={tmp_path / 'a.tif'}") == 0
    assert Image.open(tmp_path / "out" / "a.png").mode == "RGB"
    Image.fromarray(np.full((30, 40), 6000, np.uint16)).save(tmp_path / "b.png")
    assert predict(tmp_path, "generator=grey", f"input={tmp_path / 'b.png'}") == 2
    assert "more than 8 bits" in capfd.readouterr().err


class Warm(torch.nn.Module):
    """Colors everything the redder the lighter its style is."""

    multiple = 8

    def forward(self, image: torch.Tensor, style: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        raw = torch.full((len(image), 2, *image.shape[-2:]), 0.5)
        raw[:, 0] += 0.2 * (image if style is None else style).mean()
        return {"raw": raw}


def test_style_takes_the_place_of_the_picture(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png")
    for name, tone in (("light", 250), ("dark", 5)):
        Image.new("L", (300, 400), tone).save(tmp_path / f"{name}.png")
    transform = Transform(Colorization(window=8), Grey())
    found = {}
    for style in (None, "light", "dark", "a"):
        given = {"side": 24, "points": None, "scribble": None, "megapixels": 1.0}
        given["style"] = None if style is None else str(tmp_path / f"{style}.png")
        predict = ColorPictures(Warm(), transform, OmegaConf.create(given), OmegaConf.create({"size": 24}))
        assert predict.expect([path]) == ([] if style is None else [tmp_path / f"{style}.png"])
        ((_, content),) = predict(path)
        picture = np.asarray(Image.open(io.BytesIO(content)))
        found[style] = float(lab(picture)[1].mean())
    assert found["dark"] < found[None] < found["light"]
    assert found["a"] == pytest.approx(found[None], abs=0.5)


@pytest.mark.parametrize(
    ("degradation", "global_hints", "given", "heeded"),
    [
        (Hints(), False, "points", True),
        (Grey(), False, "points", False),
        (GlobalColors(), True, "points", False),
        (GlobalColors(), True, "style", True),
        (Hints(), False, "style", False),
    ],
)
def test_what_a_network_was_trained_without_is_refused(
    degradation: Grey, global_hints: bool, given: str, heeded: bool, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.png")
    network = UserGuidedColor(width=0.05, global_hints=global_hints, histogram_bins=color.BINS**2).eval()
    words = {"side": 24, "points": None, "scribble": None, "style": None, "megapixels": 1.0}
    words[given] = [[10, 10, "#905040"]] if given == "points" else str(path)
    transform = Transform(Colorization(window=8), degradation)
    predict = ColorPictures(network, transform, OmegaConf.create(words), OmegaConf.create({"size": 24}))
    if heeded:
        predict.expect([path])
        assert len(list(predict(path))) == 1
    else:
        with pytest.raises(UserError, match=f"takes no {given}, or was trained without"):
            predict.expect([path])
