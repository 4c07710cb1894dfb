"""What training sees of a picture file: its colors in sRGB, upright, its first page."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, ImageOps

from henkan.data.decode import decode, to_srgb

# The primaries of Display P3 as a profile's tags have them (D50), in 1/65536, red, green, blue.
PRIMARIES = ((33760, 15797, -69), (19123, 45357, 2747), (10296, 4363, 51385))


def display_p3() -> bytes:
    """A profile of Display P3's primaries: sRGB's own, its primaries and name changed."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for entry in range(int.from_bytes(profile[128:132], "big")):
        at = 132 + 12 * entry
        tag, place = bytes(profile[at : at + 4]), int.from_bytes(profile[at + 4 : at + 8], "big")
        if tag in (b"rXYZ", b"gXYZ", b"bXYZ"):
            values = PRIMARIES[(b"rXYZ", b"gXYZ", b"bXYZ").index(tag)]
            for number, value in enumerate(values):
                profile[place + 8 + 4 * number : place + 12 + 4 * number] = value.to_bytes(4, "big", signed=True)
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "wide".encode("utf-16-be")).replace(b"sRGB", b"wide")


def test_another_profile_becomes_srgb(tmp_path: Path) -> None:
    wide = display_p3()
    assert "sRGB" not in (ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(wide))))
    pixels = np.full((8, 8, 3), (200, 80, 80), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "wide.png", icc_profile=wide)
    # Display P3 (200, 80, 80) is (216, 70, 75) in sRGB: 1.2249 r - 0.2247 g and so on, of linear values.
    np.testing.assert_allclose(decode(tmp_path / "wide.png")[0, 0].astype(int), (216, 70, 75), atol=1)


@pytest.mark.parametrize("profile", [None, "srgb", "damaged"])
def test_no_profile_sRGB_and_a_damaged_one_change_nothing(profile: str | None, tmp_path: Path) -> None:
    content = {
        "srgb": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        "damaged": b"no profile at all",
    }.get(profile or "")
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png", icc_profile=content)
    assert np.array_equal(decode(tmp_path / "a.png"), pixels)


def test_a_profile_is_read_once() -> None:
    wide = display_p3()
    assert to_srgb(wide) is to_srgb(wide) is not None


def test_of_several_pages_the_first_with_a_word(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pages = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    for ending in ("tif", "gif", "webp"):
        pages[0].save(tmp_path / f"a.{ending}", save_all=True, append_images=pages[1:], lossless=True)
        found = decode(tmp_path / f"a.{ending}")
        assert found[..., 0].min() > 240 and found[..., 2].max() < 10
        decode(tmp_path / f"a.{ending}")
        said = capfd.readouterr().err
        assert said.count(f"a.{ending} has several pages or frames") == 1


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("exif", [b"Exif\0\0II*\0\xff\xff\xff\x7f", b"Exif\0\0nonsense"])
def test_damaged_exif_says_nothing(exif: bytes, tmp_path: Path) -> None:
    Image.new("RGB", (8, 6), "red").save(tmp_path / "a.jpg", exif=exif)
    assert decode(tmp_path / "a.jpg").shape == (6, 8, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_as_pillow_turns_it(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    pixels = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as image:
        assert np.array_equal(decode(tmp_path / "a.png"), np.asarray(ImageOps.exif_transpose(image)))
