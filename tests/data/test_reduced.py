"""JPEGs that are shown smaller are read smaller: the same sample, nearly, whatever else was read before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from henkan.data import decode as module
from henkan.data.decode import decode, decode_for
from henkan.data.frame import Cut
from henkan.data.framing import Center, CropFlip, Framing
from henkan.data.image_folder import ImageFolder
from henkan.data.kept import Kept
from henkan.data.photograph_tiles import PhotographTiles
from henkan.data.photographs import Photographs
from henkan.data.pictures import Picture
from henkan.data.stream import EvaluationSet, TrainingStream
from henkan.degradations.identity import Identity


def smooth(height: int, width: int, seed: int = 0) -> Picture:
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split in ("train", "val", "test"):
        (tmp_path / split).mkdir()
        for number in range(3):
            pixels = smooth(150 + number, 211, number)
            Image.fromarray(pixels).save(tmp_path / split / f"{number}.jpg", quality=95)
    return tmp_path


@pytest.mark.parametrize("by", [1, 2, 4, 8])
@pytest.mark.parametrize("orientation", [1, 6])
def test_sides_are_divided_while_a_jpeg_is_decoded(by: int, orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    # Turned, the blocks that are not full lie on the other side.
    stored = (90, 131) if orientation == 1 else (88, 136)
    Image.fromarray(smooth(*stored)).save(tmp_path / "a.jpg", quality=95, exif=exif)
    asked: list[tuple[int, int]] = []
    read = decode_for(tmp_path / "a.jpg", lambda height, width: (asked.append((height, width)), by)[1])
    size = stored if orientation == 1 else (136, 88)
    assert asked == [size] and read.size == size and (read.by, read.reducible) == (by, True)
    assert read.picture.shape == (-(-size[0] // by), -(-size[1] // by), 3)
    whole = decode(tmp_path / "a.jpg")
    inside = whole[: size[0] // by * by, : size[1] // by * by]
    means = cv2.resize(inside, (size[1] // by, size[0] // by), interpolation=cv2.INTER_AREA)
    found = read.picture[: means.shape[0], : means.shape[1]]
    assert np.abs(found.astype(int) - means).mean() < 1.5
    assert by > 1 or np.array_equal(found, whole)


@pytest.mark.parametrize("ending", ["png", "webp", "tif"])
def test_other_files_are_read_whole(ending: str, tmp_path: Path) -> None:
    Image.fromarray(smooth(90, 131)).save(tmp_path / f"a.{ending}")
    asked: list[tuple[int, int]] = []
    read = decode_for(tmp_path / f"a.{ending}", lambda height, width: (asked.append((height, width)), 4)[1])
    assert asked == [(90, 131)] and (read.by, read.reducible) == (1, False)
    assert np.array_equal(read.picture, decode(tmp_path / f"a.{ending}"))


@pytest.mark.parametrize(
    ("frame", "reduction"),
    [
        (Cut(0, 0, 63, 32, False), 1),
        (Cut(0, 0, 64, 32, False), 2),
        (Cut(0, 0, 300, 32, False), 8),
        (Cut(0, 0, 3000, 32, False), 8),
        (Cut(0, 0, 20, 32, False), 1),
        (Cut(0, 0, 300, 32, False, angle=3.0), 1),
    ],
)
def test_no_frame_is_enlarged_for_it(frame: Cut, reduction: int) -> None:
    assert frame.reduction == reduction


def test_a_frame_stays_within_what_is_left() -> None:
    """At every place of odd sides: white beyond the edge would be no picture."""
    for by, size in ((2, 30), (4, 15), (8, 8)):
        for side in range(8 * 8, 151):
            for at in (0, 150 - side, (150 - side) // 2):
                own = Cut(at, 221 - side, side, min(size, side // by), False).reduced(by, -(-150 // by), -(-221 // by))
                assert 0 <= own.top <= -(-150 // by) - own.side and 0 <= own.left <= -(-221 // by) - own.side
                assert own.side >= own.size and abs(own.side - side / by) <= 0.5


@pytest.mark.parametrize("framing", [CropFlip(24, [24, 40]), CropFlip(24, [60, 70]), Center(24, 30)])
def test_a_sample_is_nearly_that_of_the_whole_picture(folder: Path, framing: Framing) -> None:
    sizes: list[int] = []
    data = ImageFolder(folder)
    real = data.reduced
    data.reduced = lambda name, choose: (found := real(name, choose), sizes.append(found[1]))[0]  # type: ignore[method-assign]
    found = TrainingStream(data, framing, Identity(), seed=0)
    plain = ImageFolder(folder)
    plain.reduced = lambda name, choose: super(ImageFolder, plain).reduced(name, choose)  # type: ignore[method-assign]
    whole = TrainingStream(plain, framing, Identity(), seed=0)
    for i in range(6):
        one, other = found["generator", i], whole["generator", i]
        assert np.abs(one["target"].astype(int) - other["target"]).mean() < 8
        assert {key: value for key, value in one.items() if key not in ("target", "window")}.keys() == (
            other.keys() - {"target", "window"}
        )
    assert max(sizes) > 1


def test_a_sample_does_not_depend_on_what_was_read_before(folder: Path) -> None:
    framing = CropFlip(24, [24, 70])

    def stream(budget: int) -> TrainingStream:
        data = ImageFolder(folder)
        data._kept = Kept(budget)
        return TrainingStream(data, framing, Identity(), seed=0)

    fresh, kept = stream(0), stream(1 << 20)
    for i in (*range(12), *range(12)):
        data = ImageFolder(folder)
        # Whole pictures that are kept serve no smaller sample.
        for number in range(3):
            data.picture(f"train/{number}.jpg")
        other = TrainingStream(data, framing, Identity(), seed=0)["generator", i]["target"]
        assert np.array_equal(fresh["generator", i]["target"], other)
        assert np.array_equal(kept["generator", i]["target"], other)


def test_what_is_kept_is_decoded_once_at_each_size(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = module._decoded
    monkeypatch.setattr(module, "_decoded", lambda image, path: (read.append(path.name), real(image, path))[1])
    kept = Kept()
    path = folder / "train" / "0.jpg"
    for _ in range(3):
        for by in (2, 8):
            asked: list[tuple[int, int]] = []
            found, own = kept.reduced(path, lambda *size, by=by, asked=asked: (asked.append(size), by)[1])  # type: ignore[misc]
            assert asked == [(150, 211)] and own == by and found.shape[0] == -(-150 // by)
    assert len(read) == 2
    Image.fromarray(smooth(150, 211)).save(folder / "train" / "b.png")
    for by in (2, 8):
        assert kept.reduced(folder / "train" / "b.png", lambda *size, by=by: by)[1] == 1  # type: ignore[misc]
    assert len(read) == 3
    # A file that has changed is read anew, at its new size.
    Image.fromarray(smooth(90, 70)).save(path)
    asked = []
    assert kept.reduced(path, lambda *size: (asked.append(size), 2)[1])[0].shape == (45, 35, 3) and asked == [(90, 70)]


def test_what_is_reported_is_read_whole_and_validation_as_training_is(folder: Path) -> None:
    framing = Center(24, 30)
    whole = EvaluationSet(ImageFolder(folder), "test", framing, Identity(), 0)[1]["target"]
    expected = framing.draw(151, 211, np.random.default_rng(0), "")(decode(folder / "test" / "1.jpg"))
    assert np.array_equal(whole.transpose(1, 2, 0), expected)
    validation = EvaluationSet(ImageFolder(folder), "val", framing, Identity(), 0, reduced=True)[1]["target"]
    assert not np.array_equal(validation.transpose(1, 2, 0), expected)
    assert np.abs(validation.transpose(1, 2, 0).astype(int) - expected).mean() < 4


def test_what_has_company_or_is_changed_is_read_whole(folder: Path) -> None:
    class Own(ImageFolder):
        def picture(self, name: str) -> Picture:
            return 255 - super().picture(name)

    class Beside(ImageFolder):
        def companions(self, name: str) -> dict[str, Picture]:
            return {"source": self.picture(name)}

    kinds: list[Callable[[Path], ImageFolder]] = [Own, Beside]
    assert not any(kind(folder).reducible for kind in kinds) and ImageFolder(folder).reducible
    assert Photographs().reducible and not PhotographTiles(64).reducible
