"""`henkan predict`: what is kept, what is written, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from omegaconf import DictConfig
from PIL import Image, ImageCms

from henkan.launching.execute import execute
from henkan.prediction.pictures import read
from henkan.verbs import train

ORIENTATION = 0x0112
BOX = np.s_[10:20, 12:25]


def write(folder: Path, mode: str, name: str = "a.png") -> Path:
    channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}[mode]
    pixels = np.random.default_rng(0).integers(0, 256, (40, 48, channels), np.uint8)
    Image.fromarray(pixels.squeeze()).save(folder / name)
    mask = np.zeros((40, 48), np.uint8)
    mask[BOX] = 255
    Image.fromarray(mask).save(folder / f"{Path(name).stem}_mask.png")
    return folder / name


def predict(folder: Path, *more: str) -> int:
    command = ["generator=telea", f"output={folder / 'out'}", "trainer.accelerator=cpu", *more]
    return execute("predict", command).code


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_known_pixels_mode_and_alpha_stay(mode: str, tmp_path: Path) -> None:
    path = write(tmp_path, mode)
    assert predict(tmp_path, f"input={path}") == 0
    with Image.open(path) as before, Image.open(tmp_path / "out" / "a.png") as after:
        assert after.mode == mode
        old, new = np.asarray(before), np.asarray(after)
    known = np.ones((40, 48), bool)
    known[BOX] = False
    assert (old[known] == new[known]).all()
    assert (old[BOX] != new[BOX]).any()
    if mode in ("LA", "RGBA"):
        assert (old[..., -1] == new[..., -1]).all()


def test_a_bad_file_does_not_stop_the_others(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "RGB")
    broken = write(tmp_path, "RGB", "b.png")
    broken.write_bytes(broken.read_bytes()[:400])
    write(tmp_path, "RGB", "c.png")
    with pytest.raises(SystemExit) as left:
        predict(tmp_path, f"input={tmp_path}", "postprocess=poisson")
    assert left.value.code == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "c.png"]
    assert "1 of 3 pictures failed" in capfd.readouterr().err


def test_a_trained_run_completes_pictures_of_any_size(
    tiny: list[str], composed: Callable[..., DictConfig], tmp_path: Path
) -> None:
    train.main(composed([*tiny, "loss=[mse]"]))
    (run,) = (path.parent for path in (tmp_path / "runs").glob("*/run.json"))
    path = write(tmp_path, "RGB")
    checkpoint = run / "checkpoints" / "last.ckpt"
    for number, source in enumerate((run, checkpoint)):
        given = [f"run={source}", f"input={path}", f"output={tmp_path / str(number)}", "trainer.accelerator=cpu"]
        assert execute("predict", given).code == 0
    first, second = ((tmp_path / str(number) / "a.png").read_bytes() for number in range(2))
    assert first == second
    assert execute("predict", [*given[:2], f"output={tmp_path / 'p'}", "postprocess=poisson"]).code == 0
    plain, blended = (np.asarray(Image.open(tmp_path / place / "a.png")) for place in ("0", "p"))
    known = np.ones((40, 48), bool)
    known[BOX] = False
    assert (plain[known] == blended[known]).all() and (plain != blended).any()


def test_a_pattern_and_a_folder_of_masks(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "other.png"):
        write(tmp_path, "RGB", name)
    (tmp_path / "masks").mkdir()
    for name in "ab":
        (tmp_path / f"{name}_mask.png").rename(tmp_path / "masks" / f"{name}.png")
    assert predict(tmp_path, f"input={tmp_path}/?.png", f"mask={tmp_path / 'masks'}") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.png"]


def test_a_picture_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    path = write(tmp_path, "RGB")
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    with Image.open(path) as image:
        image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    (tmp_path / "a_mask.png").rename(tmp_path / "turned_mask.png")
    path.unlink()
    assert predict(tmp_path, f"input={tmp_path / 'turned.png'}") == 0
    with Image.open(tmp_path / "out" / "turned.png") as image:
        assert image.size == (48, 40)


@pytest.mark.parametrize(("mode", "becomes"), [("P", "RGB"), ("CMYK", "RGB"), ("1", "L")])
def test_other_modes_are_converted(tmp_path: Path, mode: str, becomes: str) -> None:
    path = write(tmp_path, "RGB")
    with Image.open(path) as image:
        converted = image.convert(mode)
    path.unlink()
    converted.save(tmp_path / "a.tif")
    assert predict(tmp_path, f"input={tmp_path / 'a.tif'}") == 0
    with Image.open(tmp_path / "out" / "a.png") as image:
        assert image.mode == becomes


@pytest.mark.parametrize("mode", ["1", "L"])
def test_grey_of_which_one_tone_is_transparent_stays_grey(mode: str, tmp_path: Path) -> None:
    grey = Image.new(mode, (48, 40), 255)
    grey.paste(0, (0, 0, 5, 5))
    grey.save(tmp_path / "a.png", transparency=0)
    made = read(tmp_path / "a.png")
    assert made.mode == "LA" and made.getpixel((2, 2)) == (0, 0) and made.getpixel((9, 9)) == (255, 255)


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.zeros((40, 48), np.uint8), "its mask is empty"),
        (np.full((40, 48), 255, np.uint8), "covers the whole picture"),
        (np.full((20, 48), 255, np.uint8), "its mask is 48x20 pixels, the picture 48x40"),
        (np.random.default_rng(0).integers(0, 256, (40, 48), np.uint8), "are picture and mask swapped"),
    ],
)
def test_masks_that_cannot_be(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    mask: NDArray[np.uint8],
    said: str,
) -> None:
    path = write(tmp_path, "RGB")
    Image.fromarray(mask).save(tmp_path / "a_mask.png")
    assert predict(tmp_path, f"input={path}") == 2
    assert said in capfd.readouterr().err


def test_nothing_is_written_over_a_mask(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "RGB")
    (tmp_path / "masks").mkdir()
    (tmp_path / "a_mask.png").rename(tmp_path / "masks" / "a.png")
    masks = f"mask={tmp_path / 'masks'}"
    assert predict(tmp_path, f"input={path}", masks, f"output={tmp_path / 'masks'}") == 2
    assert "is an input" in capfd.readouterr().err


def test_what_it_refuses(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "RGB")
    assert predict(tmp_path, f"input={tmp_path / 'nothing.png'}") == 2
    assert "there are no pictures" in capfd.readouterr().err
    assert predict(tmp_path, f"input={path}", f"output={tmp_path}") == 2
    assert "is an input" in capfd.readouterr().err
    assert predict(tmp_path, f"input={path}", "generator=glcic") == 2
    assert "name a trained run" in capfd.readouterr().err
    (tmp_path / "a_mask.png").unlink()
    assert predict(tmp_path, f"input={path}") == 2
    assert "there is no mask" in capfd.readouterr().err
    Image.fromarray(np.zeros((40, 48), np.uint16)).save(path)
    assert predict(tmp_path, f"input={path}") == 2
    assert "8 bits" in capfd.readouterr().err


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_colors_of_16_bits_are_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], channels: int, suffix: str
) -> None:
    write(tmp_path, "RGB")
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), np.full((40, 48, channels), 40_000, np.uint16))
    assert predict(tmp_path, f"input={path}") == 2
    assert "more than 8 bits" in capfd.readouterr().err


def test_a_color_profile_stays_where_it_still_holds(tmp_path: Path) -> None:
    path = write(tmp_path, "RGB")
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with Image.open(path) as image:
        image.save(path, icc_profile=own)
    assert predict(tmp_path, f"input={path}") == 0
    with Image.open(tmp_path / "out" / "a.png") as image:
        assert image.info["icc_profile"] == own
        image.convert("L").save(path, icc_profile=own)
    assert predict(tmp_path, f"input={path}") == 0
    with Image.open(tmp_path / "out" / "a.png") as image:
        assert "icc_profile" not in image.info
