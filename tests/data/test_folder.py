"""What sources hash to, split by split: pictures of another split do not count, how they are split does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pictures_on_disk import folder_of

from henkan.data.folder import Folder
from henkan.data.image_folder import ImageFolder
from henkan.data.line_folder import LineFolder
from henkan.data.paired_folder import PairedFolder
from henkan.data.paired_lines import PairedLines
from henkan.data.photographs import Photographs
from henkan.data.pictures import Pictures
from henkan.data.svg_folder import SvgFolder

NAMES = ["train/a.png", "train/b.png", "val/c.png", "test/d.png"]
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="72" height="72"><path d="M1,1 L9,{}" stroke="#000"/></svg>'


def files(path: Path, names: list[str]) -> None:
    folder_of(path, names)


def pairs(path: Path, names: list[str]) -> None:
    for side in ("source", "target"):
        folder_of(path / side, names)


def drawings(path: Path, names: list[str]) -> None:
    for number, name in enumerate(names):
        place = (path / name).with_suffix(".svg")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(SVG.format(number + len(names)))


KINDS: dict[str, tuple[Callable[[Path, Path], Pictures], Callable[[Path, list[str]], None]]] = {
    "image_folder": (ImageFolder, files),
    "line_folder": (lambda path, cache: LineFolder(path, cache=cache), files),
    "paired_folder": (PairedFolder, pairs),
    "paired_lines": (lambda path, cache: PairedLines(path, cache=cache), pairs),
    "svg_folder": (lambda path, cache: SvgFolder(path, 32, cache=cache), drawings),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_counts_for_its_split_alone(tmp_path: Path, kind: str) -> None:
    build, write = KINDS[kind]
    path, cache = tmp_path / "pictures", tmp_path / "cache"
    splits = (("train", "val"), ("test",), ("train",))

    def hashes() -> list[str]:
        found = build(path, cache)
        return [*(found.manifest_of(split) for split in splits), found.manifest()]  # type: ignore[arg-type]

    write(path, NAMES)
    before = hashes()
    assert len(set(before)) == 4 and hashes() == before
    write(path, ["test/new.png"])
    added = hashes()
    assert [now == then for now, then in zip(added, before, strict=True)] == [True, False, True, False]
    write(path, ["val/new.png"])
    assert [now == then for now, then in zip(hashes(), added, strict=True)] == [False, True, True, False]


def test_how_pictures_are_split_counts(tmp_path: Path) -> None:
    names = [f"s{k:02d}.png" for k in range(24)]
    plain, grouped = ImageFolder(folder_of(tmp_path, names)), ImageFolder(tmp_path, group=r"s\d")
    both = ("train", "val", "test")
    assert plain.manifest() == plain.manifest_of(both) != grouped.manifest_of(both) == grouped.manifest()


def test_what_comes_in_packages_is_one(tmp_path: Path) -> None:
    found = Photographs()
    assert found.manifest_of(["train"]) == found.manifest_of(["test"]) == found.manifest()
    assert not isinstance(found, Folder)
