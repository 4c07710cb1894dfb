"""`henkan predict`: what is read and written, by which name, in which format, and what of a file stays."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from henkan.baselines.criminisi import Criminisi
from henkan.launching.execute import execute
from henkan.prediction.files import destinations, find, unchanging
from henkan.progress import listening

BOX = np.s_[10:20, 12:25]


def picture(path: Path, mode: str = "RGB", **saved: object) -> Path:
    small = Image.fromarray(np.random.default_rng(0).integers(0, 256, (5, 6, 3), np.uint8))
    path.parent.mkdir(exist_ok=True)
    small.resize((48, 40), Image.Resampling.BICUBIC).convert(mode).save(path, **saved)
    return path


def mask(path: Path) -> Path:
    hole = np.zeros((40, 48), np.uint8)
    hole[BOX] = 255
    Image.fromarray(hole).save(path)
    return path


def predict(folder: Path, *more: str) -> int:
    words = ["generator=telea", f"output={folder / 'out'}", "trainer.accelerator=cpu"]
    try:
        return execute("predict", [*words, *more]).code
    except SystemExit as end:
        return int(end.code or 0)


def test_one_mask_for_a_folder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name in "abc":
        picture(tmp_path / "in" / f"{name}.png")
    Image.new("RGB", (30, 30)).save(tmp_path / "in" / "d.png")
    assert predict(tmp_path, f"input={tmp_path / 'in'}", f"mask={mask(tmp_path / 'm.png')}") == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.png", "c.png"]
    assert f"{tmp_path / 'in' / 'd.png'}: its mask is 48x40 pixels, the picture 30x30" in capfd.readouterr().err


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_what_a_file_says_stays(ending: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist], exif[ExifTags.Base.Orientation] = "Ada", 6
    text = PngInfo()
    text.add_text("Title", "Höhle")
    # Close to sRGB, and not of this name.
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    source = picture(tmp_path / "a.png", exif=exif, pnginfo=text, dpi=(300, 300), icc_profile=profile)
    turned = Image.open(mask(tmp_path / "m.png")).transpose(Image.Transpose.ROTATE_270)
    turned.save(tmp_path / "m.png")
    assert predict(tmp_path, f"input={source}", f"mask={tmp_path / 'm.png'}", f"format={ending}") == 0
    with Image.open(tmp_path / "out" / f"a.{ending}") as made:
        made.load()
        assert made.format == {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}[ending]
        assert made.size == (40, 48)
        assert made.getexif().get(ExifTags.Base.Artist) == "Ada"
        assert made.getexif().get(ExifTags.Base.Orientation, 1) == 1
        assert made.info["icc_profile"] == profile
        if ending != "webp":
            assert [round(value) for value in made.info["dpi"]] == [300, 300]
        if ending == "png":
            assert made.text["Title"] == "Höhle"
        if ending == "jpg":
            assert made.info["comment"].decode() == "Title: Höhle"


def test_the_quality_is_that_asked_for(tmp_path: Path) -> None:
    source, hole = picture(tmp_path / "a.png"), mask(tmp_path / "m.png")
    sizes = []
    for quality in (30, 98):
        given = [f"output={tmp_path / str(quality)}", f"quality={quality}", "format=jpg"]
        assert predict(tmp_path, f"input={source}", f"mask={hole}", *given) == 0
        sizes.append((tmp_path / str(quality) / "a.jpg").stat().st_size)
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("name", ["result.png", "result.jpg", "result.WebP"])
def test_an_output_that_is_a_file(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source, hole = picture(tmp_path / "a.png"), mask(tmp_path / "m.png")
    ending = name.lower().partition(".")[2]
    assert predict(tmp_path, f"input={source}", f"mask={hole}", f"output={tmp_path / 'to' / name}") == 0
    (made,) = (tmp_path / "to").iterdir()
    assert made.is_file() and made.name == f"result.{ending}"
    assert capfd.readouterr().out.strip() == str(made)
    picture(tmp_path / "b.png")
    given = [f"input={tmp_path}/?.png", f"mask={hole}", f"output={tmp_path / 'to' / name}"]
    assert predict(tmp_path, *given) == 2
    assert "is one file for 3 pictures: give a folder" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("resize=0", "resize=0 must be above 0"),
        ("resize=-1", "resize=-1 must be above 0"),
        ("megapixels=0", "megapixels=0 must be above 0"),
        ("grow=-2", "grow=-2 must be 0 pixels or more"),
        ("quality=0", "quality=0 must be from 1 to 100"),
        ("format=bmp", "format=bmp must be png, jpg, jpeg, webp"),
        ("output=result.svg", "vector=svg writes SVG too"),
    ],
)
def test_what_cannot_be(given: str, said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source, hole = picture(tmp_path / "a.png"), mask(tmp_path / "m.png")
    assert predict(tmp_path, f"input={source}", f"mask={hole}", given) == 2
    assert said in capfd.readouterr().err


def test_two_formats_and_transparency_in_jpeg(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source, hole = picture(tmp_path / "a.png"), mask(tmp_path / "m.png")
    assert predict(tmp_path, f"input={source}", f"mask={hole}", "output=result.jpg", "format=png") == 2
    assert "are two formats" in capfd.readouterr().err
    layer = Image.open(source).convert("RGBA")
    layer.save(source)
    assert predict(tmp_path, f"input={source}", f"mask={hole}", "format=jpg") == 0
    layer.putalpha(100)
    layer.save(source)
    assert predict(tmp_path, f"input={source}", f"mask={hole}", "format=jpg") == 2
    assert f"{source}: it is transparent in places" in capfd.readouterr().err


def test_a_hundred_thousand_pictures_start_at_once(tmp_path: Path) -> None:
    names = [tmp_path / f"{number}.png" for number in range(100_000)]
    began = time.process_time()
    assert len(destinations(names, [], tmp_path / "out", [".png"])) == 100_000
    # Each with each other would be minutes.
    assert time.process_time() - began < 5


def test_all_pages_of_a_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pages = [Image.new("L", (48, 40), tone) for tone in (50, 100, 150)]
    pages[0].save(tmp_path / "book.tif", save_all=True, append_images=pages[1:])
    hole = mask(tmp_path / "m.png")
    assert predict(tmp_path, f"input={tmp_path / 'book.tif'}", f"mask={hole}") == 0
    made = {path.name: Image.open(path).getpixel((0, 0)) for path in (tmp_path / "out").iterdir()}
    assert made == {"book_1.png": 50, "book_2.png": 100, "book_3.png": 150}
    # Of pages one that cannot be is left out, and named.
    pages[1] = Image.new("L", (10, 10))
    pages[0].save(tmp_path / "book.tif", save_all=True, append_images=pages[1:])
    assert predict(tmp_path, f"input={tmp_path / 'book.tif'}", f"mask={hole}", f"output={tmp_path / 'two'}") == 1
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["book_1.png", "book_3.png"]
    assert "book.tif, page 2: " in capfd.readouterr().err
    # None of several files has the name that was given for one.
    pages[0].save(tmp_path / "book.tif", save_all=True, append_images=pages[2:])
    given = [f"input={tmp_path / 'book.tif'}", f"mask={hole}", f"output={tmp_path / 'three' / 'one.png'}"]
    assert predict(tmp_path, *given) == 0
    assert sorted(path.name for path in (tmp_path / "three").iterdir()) == ["one_1.png", "one_2.png"]
    assert capfd.readouterr().out.strip() == str(tmp_path / "three")


def test_exif_that_cannot_be_written_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation], exif[ExifTags.Base.XResolution] = 6, 72.0
    content = exif.tobytes()
    # An unsigned rational becomes a signed one: -1 of 0.
    entry = content.index(b"\x01\x1a" if b"MM" in content[:10] else b"\x1a\x01")
    big = b"MM" in content[:10]
    content = bytearray(content)
    content[entry + 2 : entry + 4] = b"\x00\x0a" if big else b"\x0a\x00"
    place = int.from_bytes(content[entry + 8 : entry + 12], "big" if big else "little") + content.index(
        b"MM" if big else b"II"
    )
    content[place : place + 8] = (-1).to_bytes(4, "big", signed=True) + bytes(4)
    source = picture(tmp_path / "a.jpg", exif=bytes(content))
    Image.open(mask(tmp_path / "m.png")).transpose(Image.Transpose.ROTATE_270).save(tmp_path / "m.png")
    assert predict(tmp_path, f"input={source}", f"mask={tmp_path / 'm.png'}") == 0
    assert Image.open(tmp_path / "out" / "a.png").size == (40, 48)
    assert "Traceback" not in capfd.readouterr().err


def test_a_picture_that_takes_long_says_how_far_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)
    hole = np.zeros((40, 48), bool)
    hole[BOX] = True
    Criminisi().fill(pixels, hole)
    assert capfd.readouterr().err == ""
    with listening("photo.jpg", every=0.0):
        Criminisi().fill(pixels, hole)
    lines = capfd.readouterr().err.splitlines()
    assert lines[-1].startswith("henkan: photo.jpg: ") and "of 130, " in lines[-1] and "pixel" in lines[-1]


@pytest.mark.parametrize("name", ["写真.png", "photo (1).png", "it's.png", "a=b.png", "a,b.png", "あ" * 80 + ".png"])
def test_any_name_is_read_and_written(name: str, tmp_path: Path) -> None:
    source, hole = picture(tmp_path / name), mask(tmp_path / "m.png")
    assert predict(tmp_path, f"input={source}", f"mask={hole}") == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]


def test_a_folder_called_2024(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "2024" / "a.png")
    assert predict(tmp_path, "input=2024", f"mask={mask(tmp_path / 'm.png')}") == 0
    assert (tmp_path / "out" / "a.png").is_file()


def test_a_nested_folder_is_mirrored(tmp_path: Path) -> None:
    """Equal stems in two folders, masks that lie as the pictures do, and results inside of the folder itself."""
    folder = tmp_path / "in"
    for name in ("a.png", "x/a.png", "x/y/b.JPG", "x/.hidden.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        picture(folder / name)
    for name in ("a.png", "x/y/b_mask.png"):
        (folder / "masks" / name).parent.mkdir(parents=True, exist_ok=True)
        mask(folder / "masks" / name)
    given = [f"input={folder}", f"output={folder / 'out'}", f"mask={folder / 'masks'}"]
    # A second time: what was written is no input, nor are masks.
    for _ in range(2):
        assert predict(tmp_path, *given) == 0
        made = sorted(path.relative_to(folder / "out").as_posix() for path in (folder / "out").rglob("*.*"))
        assert made == ["a.png", "x/a.png", "x/y/b.png"]
    pattern = [f"input={folder}/**/a.png", f"output={tmp_path / 'second'}", f"mask={folder / 'masks' / 'a.png'}"]
    assert predict(tmp_path, *pattern) == 0
    # Results and masks are pictures that a pattern means.
    made = sorted(path.relative_to(tmp_path / "second").as_posix() for path in (tmp_path / "second").rglob("*.*"))
    assert made == ["a.png", "masks/a.png", "out/a.png", "out/x/a.png", "x/a.png"]


def test_masks_beside_pictures_are_those_of_their_own_folder(tmp_path: Path) -> None:
    for place in ("one", "two"):
        (tmp_path / "in" / place).mkdir(parents=True, exist_ok=True)
        picture(tmp_path / "in" / place / "a.png")
        mask(tmp_path / "in" / place / "a_mask.png")
    # A picture that is called so, without another one beside it.
    (tmp_path / "in" / "two" / "a.png").rename(tmp_path / "in" / "two" / "b.png")
    assert find(str(tmp_path / "in"))[0] == [
        tmp_path / "in" / "one" / "a.png", tmp_path / "in" / "two" / "a_mask.png", tmp_path / "in" / "two" / "b.png",
    ]  # fmt: skip
    (tmp_path / "in" / "one" / "folder").mkdir()
    assert find(f"{tmp_path}/in/one/*")[0] == [tmp_path / "in" / "one" / "a.png"]


@pytest.mark.parametrize(
    ("pattern", "folder"),
    [("a/*.png", "a"), ("a/**/b/*.png", "a"), ("*.png", "."), ("/a/b?/c/d.png", "/a"), ("/a/b/*.png", "/a/b")],
)
def test_what_a_pattern_is_mirrored_below(pattern: str, folder: str) -> None:
    assert unchanging(Path(pattern)) == Path(folder)
