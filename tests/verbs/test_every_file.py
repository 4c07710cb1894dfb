"""Every format, mode, name, link and damage in each verb that reads files: read with its right colors, left out with a
word, or refused in one line that names it. Never a traceback, never in silence.

Each verb is run once on a folder of all that can be read, and once on a folder of all that cannot.
"""

from __future__ import annotations

import os
import re
import struct
import sys
import zlib
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from henkan.config.composition import compose_root
from henkan.data import notices, survey
from henkan.data.decode import EXTENSIONS, decode
from henkan.data.image_folder import ImageFolder
from henkan.data.stream import TrainingStream, make_sample
from henkan.errors import BrokenPicture
from henkan.launching.execute import execute
from henkan.randomness import generator_for
from henkan.runs.plan import plan_run
from henkan.training.assemble import training_streams

HEIGHT, WIDTH = 20, 24
RED, BLUE = (200, 60, 40), (30, 120, 210)
BASE = np.full((HEIGHT, WIDTH, 3), RED, np.uint8)
BASE[:10, :12] = BLUE
# Looked at: in the blue corner, in the red rest, neither of them where the hole is.
PLACES = (3, 3), (16, 20)
LOSSY = {".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".avif", ".heic", ".heif", ".jp2"}
# The same picture as HEIC, which is read here and never written.
HEIC = b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAXxtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAA"
    "AERAAAEAAQAAAAABoAABAAAAAAAAAJAAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/GlwcnAAAADc"
    "aXBjbwAAAHVodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQApQgEBA3AAAAMAkAAAAwAA"
    "AwAeoCCBBZbqrprm4CGgwIAAAAyAAAADAIRiAAEABkQBwXPBiQAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAAChjbGFw"
    "AAAAGAAAAAEAAAAUAAAAAf///9gAAAAC////1AAAAAIAAAAQcGl4aQAAAAADCAgIAAAAGGlwbWEAAAAAAAAAAQABBYECAwWEAAAAmG1kYXQAAACM"
    "KAGvBrIfWIDQZtenz9y//e+zr//73iOV0hn52wrZ/ShE5Lbo52noZod305mLofQdvr4+OwxCFkrgTs5tJrllZ7PaXg3Q3XgX9PjWAcCAOY5ThCRP"
    "1pfP14qfVjbRLMWaobRIzHI0ggGhlQHDiknN+XuaSb+gcF36BMfUXpdAZR94jCzEfWBIEg8n6OA="
)


@dataclass
class Kind:
    """A file that people have. `colors` at `PLACES` as it is read (null: not looked at), `refused` by these verbs,
    `pages` that `predict` writes."""

    name: str
    write: Callable[[Path], Any]
    colors: tuple[Any, Any] | None = (BLUE, RED)
    refused: tuple[str, ...] = ()
    pages: int = 1
    label: str = field(default="")

    def __post_init__(self) -> None:
        self.label = self.label or re.sub(r"[^\w.-]", "_", self.name.encode("ascii", "backslashreplace").decode())[:40]


def saved(mode: str = "RGB", pixels: Any = BASE, **options: Any) -> Callable[[Path], None]:
    """Return what writes a picture by its file's ending."""

    def write(path: Path) -> None:
        kind = {".jpe": "JPEG", ".jfif": "JPEG", ".pgm": "PPM"}.get(path.suffix.lower())
        own = dict(options)
        if path.suffix.lower() in LOSSY:
            own = {"quality": 95, **own} if path.suffix.lower() != ".jp2" else own
        Image.fromarray(pixels).convert(mode).save(path, kind, **own)

    return write


def content(of: bytes) -> Callable[[Path], int]:
    return lambda path: path.write_bytes(of)


def grey_of(color: tuple[int, int, int]) -> tuple[int, int, int]:
    value = Image.new("RGB", (1, 1), color).convert("L").getpixel((0, 0))
    return (value, value, value)  # type: ignore[return-value]


GREYS = grey_of(BLUE), grey_of(RED)
WHITE = (255, 255, 255)
LAYERS = np.dstack((BASE, np.where(BASE[..., 2:] == BLUE[2], 255, 0).astype(np.uint8)))


def by_format(ending: str) -> Callable[[Path], Any]:
    if ending in (".heic", ".heif"):
        return content(HEIC)
    return saved("L") if ending == ".pgm" else saved()


# Without its package HEIC is one of those that cannot be read.
READS_HEIC = find_spec("pi_heif") is not None
ENDINGS = sorted(EXTENSIONS - (set() if READS_HEIC else {".heic", ".heif"}))


def formats() -> Iterator[Kind]:
    for ending in ENDINGS:
        for shown in (ending, ending.upper()):
            colors = GREYS if ending == ".pgm" else (BLUE, RED)
            yield Kind(f"{ending[1:]} {'upper' if shown.isupper() else 'lower'}{shown}", by_format(ending), colors)


def pages(path: Path) -> None:
    other = Image.new("RGB", (WIDTH, HEIGHT), "green")
    Image.fromarray(BASE).save(
        path, save_all=True, append_images=[other], **({"lossless": True} if path.suffix == ".webp" else {})
    )


def turned(path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(np.rot90(BASE)).save(path, quality=95, exif=exif)


def of_16_bits(path: Path) -> None:
    cv2.imwrite(str(path), BASE[..., ::-1].astype(np.uint16) * 257)


def grey_of_16_bits(path: Path) -> None:
    Image.fromarray(np.asarray(Image.fromarray(BASE).convert("L")).astype(np.uint16) * 257).save(path)


def modes() -> Iterator[Kind]:
    deep = ("predict",)
    yield Kind("one bit.png", lambda path: Image.fromarray(LAYERS[..., 3] > 0).save(path), (WHITE, (0, 0, 0)))
    yield Kind("grey.png", saved("L"), GREYS)
    yield Kind("grey too.jpg", saved("L"), GREYS)
    yield Kind("grey and alpha.png", saved("LA", LAYERS), (GREYS[0], WHITE))
    yield Kind("alpha.png", saved("RGBA", LAYERS), (BLUE, WHITE))
    yield Kind("alpha too.webp", saved("RGBA", LAYERS, lossless=True), (BLUE, WHITE))
    yield Kind("alpha again.tif", saved("RGBA", LAYERS), (BLUE, WHITE))
    yield Kind("palette.png", lambda path: Image.fromarray(BASE).quantize(4).save(path))
    yield Kind("palette and alpha.png", lambda path: Image.fromarray(LAYERS).quantize(4).save(path), (BLUE, WHITE))
    yield Kind("transparent color.png", saved("RGB", transparency=RED), (BLUE, WHITE))
    yield Kind("cmyk.jpg", saved("CMYK"))
    yield Kind("cmyk too.tif", saved("CMYK"))
    yield Kind("ycbcr.tif", saved("YCbCr"), None)
    yield Kind("progressive.jpg", saved(progressive=True))
    yield Kind("16 bits.png", of_16_bits, refused=deep)
    yield Kind("16 bits too.tif", of_16_bits, None, refused=deep)
    yield Kind("16 bits grey.png", grey_of_16_bits, GREYS, refused=deep)
    yield Kind("turned.jpg", turned)
    yield Kind("icc.jpg", saved(icc_profile=b"no profile"))
    for ending in ("tif", "gif", "webp", "png"):
        yield Kind(f"pages {ending}.{ending}", pages, pages=2)


NAMES = [
    "写真.png", "photo (1).png", "it's.png", "a=b.png", "a,b.png", "100%.png", "[1].png", "{b}.png", "${c}.png",
    "-d.png", "~e.png", "#f.png", "é.png", "e\u0301.png", "two  spaces .png", "tab\there.png", "line\nbreak.png",
    "dots...png", '"g".png', "back\\slash.png", "あ" * 82 + ".png", "deep/er/h.png", "folder.png/i.png", "x_mask.png",
]  # fmt: skip


def names() -> Iterator[Kind]:
    for name in NAMES:
        yield Kind(name, saved())


def linked(path: Path) -> None:
    target = path.parent.parent.parent / "elsewhere.png"
    saved()(target)
    path.symlink_to(target)


def folder_linked(path: Path) -> None:
    target = path.parent.parent.parent.parent / "elsewhere"
    target.mkdir()
    saved()(target / path.name)
    path.parent.rmdir()
    path.parent.symlink_to(target)


READ = [*formats(), *modes(), *names(), Kind("link.png", linked), Kind("folder link/far.png", folder_linked)]

LEFT_OUT = {
    "nowhere.png": (lambda path: path.symlink_to("nothing"), "a link to nothing"),
    "circle.png": (lambda path: path.symlink_to(path.name), "a link to nothing"),
    "pipe.png": (os.mkfifo, "a pipe or a device"),
    os.fsdecode(b"\xff.png"): (saved(), "its name is no UTF-8"),
}


def cut(ending: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        by_format(ending)(path)
        whole = path.read_bytes()
        path.write_bytes(whole[: int(0.6 * len(whole))])

    return write


def huge(path: Path) -> None:
    """A PNG that says that it has 3.6 thousand million pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + header
        + struct.pack(">I", zlib.crc32(header))
        + struct.pack(">I", 0)
        + b"IDAT"
        + bytes(4)
    )


def flipped(path: Path) -> None:
    saved()(path)
    whole = bytearray(path.read_bytes())
    whole[whole.index(b"IDAT") + 8] ^= 0xFF
    path.write_bytes(whole)


def samples(kind: Any) -> Callable[[Path], None]:
    return lambda path: Image.fromarray(np.ones((HEIGHT, WIDTH), kind)).save(path)


BROKEN = [
    *(Kind(f"cut {ending[1:]}{ending}", cut(ending)) for ending in ENDINGS),
    *([] if READS_HEIC else [Kind("telephone.heic", content(HEIC))]),
    *(Kind(f"empty {ending[1:]}{ending}", content(b"")) for ending in (".png", ".jpg", ".heic")),
    Kind("page.jpg", content(b"<html><body>404</body></html>")),
    Kind("pointer.png", content(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")),
    Kind("zeros.jpg", content(bytes(500))),
    Kind("huge.png", huge),
    Kind("flipped.png", flipped),
    Kind("real.tif", samples(np.float32)),
    Kind("whole.tif", samples(np.int32)),
]
VERBS = ("train", "preview", "data", "predict")


@dataclass
class Said:
    """What a verb has ended with, said and written."""

    code: int
    out: str
    err: str
    written: Path


def folder_with(root: Path, kinds: list[Kind]) -> Path:
    for split in ("train", "val", "test"):
        (root / split).mkdir(parents=True)
        saved()(root / split / "plain.png")
    for kind in kinds:
        path = root / "train" / kind.name
        path.parent.mkdir(parents=True, exist_ok=True)
        kind.write(path)
    return root


def words(folder: Path, *more: str) -> list[str]:
    place = folder.parent
    return [
        *(
            "experiment=glcic",
            "scale=smoke",
            "data=image_folder",
            f"data.path={folder}",
            f"paths.runs={place / 'runs'}",
        ),
        *(f"paths.cache={place / 'cache'}", "logger=none", "metric=[psnr]", "trainer.threads=1", "trainer.workers=0"),
        *("schedule.reconstruction.iterations=1", "schedule.discriminator.iterations=1", "schedule.joint.iterations=1"),
        *more,
    ]


def called(verb: str, folder: Path, capture: pytest.CaptureFixture[str]) -> Said:
    """Run a verb on a folder, with what a process would be told."""
    notices.forget()
    written = folder.parent / verb
    if verb == "predict":
        hole = np.zeros((HEIGHT, WIDTH), np.uint8)
        hole[9:12, 9:14] = 255
        Image.fromarray(hole).save(folder.parent / "mask.png")
        given = ["generator=telea", f"input={folder}", f"mask={folder.parent / 'mask.png'}", f"output={written}"]
        given.append("trainer.accelerator=cpu")
    elif verb == "data":
        given = ["data=image_folder", f"data.path={folder}", f"paths.cache={folder.parent / 'cache'}", "workers=0"]
        given += [f"output={written}", "sheet=3"]
    elif verb == "preview":
        given = words(folder, f"output={written}.png", "samples=2")
    else:
        given = words(folder)
    capture.readouterr()
    try:
        code = execute(verb, given).code
    except SystemExit as end:
        code = int(end.code or 0)
    said = capture.readouterr()
    return Said(code, said.out, said.err, written)


@pytest.fixture(scope="module")
def readable_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = folder_with(tmp_path_factory.mktemp("read") / "pictures", READ)
    for name, (write, _) in LEFT_OUT.items():
        write(folder / "train" / name)
    return folder


@pytest.fixture(scope="module")
def broken_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_with(tmp_path_factory.mktemp("broken") / "pictures", BROKEN)


@pytest.fixture(scope="module")
def ends() -> dict[tuple[str, str], Said]:
    """What verbs have said so far, by verb and folder."""
    return {}


@pytest.fixture
def end(ends: dict[tuple[str, str], Said], capfd: pytest.CaptureFixture[str]) -> Callable[[str, Path], Said]:
    def run(verb: str, folder: Path) -> Said:
        if (key := (verb, str(folder))) not in ends:
            ends[key] = called(verb, folder, capfd)
        return ends[key]

    return run


@pytest.fixture(scope="module")
def stream(readable_files: Path) -> TrainingStream:
    """What training and its preview are shown."""
    return training_streams(plan_run(compose_root("train", words(readable_files))))["paired"]


@pytest.fixture(scope="module")
def rows(readable_files: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, survey.Facts]:
    """What `henkan data` finds, by name."""
    return survey.survey(ImageFolder(readable_files), tmp_path_factory.mktemp("cache"), 0)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_reads_all_that_can_be_read(verb: str, readable_files: Path, end: Callable[[str, Path], Said]) -> None:
    said = end(verb, readable_files)
    deep = [kind for kind in READ if verb in kind.refused]
    assert said.code == (1 if deep else 0), said.err
    assert "Traceback" not in said.err
    # What was left out is counted and named, once.
    count = f"{readable_files}: {len(LEFT_OUT)} files are left out: "
    assert said.err.count(count) == 1
    if verb == "data":
        for kind in ("TIFF", "GIF", "WEBP", "PNG"):
            assert len(re.findall(rf"pages {kind[:3].lower()}\S* has several pages or frames", said.err)) == 1


@pytest.mark.parametrize("kind", READ, ids=lambda kind: kind.label)
def test_training_and_preview_see_it(kind: Kind, stream: TrainingStream) -> None:
    name = f"train/{kind.name}"
    assert name in stream.pictures.names("train")
    item = make_sample(stream.pictures, name, 0, stream.framing, stream.degradation, generator_for(0))
    assert item["name"] == name
    picture = stream.pictures.picture(name)
    assert picture.shape == (HEIGHT, WIDTH, 3) and picture.dtype == np.uint8
    if kind.colors is not None:
        for place, color in zip(PLACES, kind.colors, strict=True):
            near = 12 if Path(kind.name).suffix.lower() in LOSSY else 1
            assert np.abs(picture[place].astype(int) - color).max() <= near, place


@pytest.mark.parametrize("kind", READ, ids=lambda kind: kind.label)
def test_data_lists_it(kind: Kind, rows: dict[str, survey.Facts]) -> None:
    found = rows[f"train/{kind.name}"]
    assert "broken" not in found and (found["height"], found["width"]) == (HEIGHT, WIDTH)


@pytest.mark.parametrize("kind", READ, ids=lambda kind: kind.label)
def test_predict_writes_it(kind: Kind, readable_files: Path, end: Callable[[str, Path], Said]) -> None:
    said, own = end("predict", readable_files), Path("train") / kind.name
    stems = [own.stem] if kind.pages == 1 else [f"{own.stem}_{page + 1}" for page in range(kind.pages)]
    for page, stem in enumerate(stems):
        made = said.written / own.parent / f"{stem}.png"
        if "predict" in kind.refused:
            assert not made.exists() and f"{own} has more than 8 bits a sample: save it again with 8" in said.err
            continue
        with Image.open(made) as image:
            assert image.size == (WIDTH, HEIGHT)
            layers = np.asarray(image.convert("RGBA")).astype(int)
        if kind.colors is not None and page == 0:
            for place, color in zip(PLACES, kind.colors, strict=True):
                near = 12 if own.suffix.lower() in LOSSY else 1
                *seen, alpha = layers[place]
                # Alpha stays, and is white in training.
                assert alpha == 0 or np.abs(np.array(seen) - color).max() <= near, place
                assert alpha == 255 or color == WHITE


@pytest.mark.parametrize("name", LEFT_OUT, ids=["nothing", "circle", "pipe", "no-utf8"])
def test_it_is_left_out_and_named(name: str, readable_files: Path, end: Callable[[str, Path], Said]) -> None:
    said, reason = end("data", readable_files), LEFT_OUT[name][1]
    assert f"left out: {readable_files}/train/{notices.readable(name)} ({reason})" in said.out.splitlines()
    written = [path.name for path in end("predict", readable_files).written.rglob("*.png")]
    assert name not in written and "plain.png" in written


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_refuses_what_cannot_be_read(verb: str, broken_files: Path, end: Callable[[str, Path], Said]) -> None:
    said = end(verb, broken_files)
    assert "Traceback" not in said.err and said.code == (1 if verb == "predict" else 2)
    line = said.err.splitlines()[-1]
    assert line.startswith("henkan: ") and (verb in ("data", "predict") or f"{broken_files}/train/" in line)


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.label)
def test_it_is_refused_by_name(kind: Kind, broken_files: Path, end: Callable[[str, Path], Said]) -> None:
    path = broken_files / "train" / kind.name
    with pytest.raises(BrokenPicture) as refused:
        ImageFolder(broken_files).picture(f"train/{kind.name}")
    line = str(refused.value)
    assert str(path) in line and "\n" not in line and len(line) < len(str(path)) + 200
    assert f"cannot be read: {line}" in end("data", broken_files).out.splitlines()
    said = end("predict", broken_files)
    assert sum(str(path) in told for told in said.err.splitlines()) == 1
    assert not (said.written / "train" / f"{path.stem}.png").exists()


def test_without_its_package_a_heic_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Telephones' pictures that were renamed are HEIC still.
    for name in ("a.heic", "b.jpg"):
        (tmp_path / name).write_bytes(HEIC)
        assert not READS_HEIC or decode(tmp_path / name).shape == (HEIGHT, WIDTH, 3)
        with monkeypatch.context() as absent:
            absent.setitem(sys.modules, "pi_heif", None)
            absent.setattr(Image, "ID", [kind for kind in Image.ID if kind != "HEIF"])
            with pytest.raises(BrokenPicture, match=rf"{name} is HEIC, .* pip install 'henkan\[heic\]'"):
                decode(tmp_path / name)
