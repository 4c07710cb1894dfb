"""PASCAL VOC 2012's segmentation set (Everingham et al. 2012), as it lies on disk; never downloaded here."""

from __future__ import annotations

from pathlib import Path

from henkan.data.contents import hash_contents
from henkan.data.decode import decode
from henkan.data.kept import Kept
from henkan.data.label_maps import checked, read_labels
from henkan.data.pictures import Layer, Picture, Pictures, every
from henkan.data.splits import Split, split_by_hash
from henkan.errors import UserError

CLASSES = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
PICTURES, LABELS, LISTS = "JPEGImages", "SegmentationClass", "ImageSets/Segmentation"


class Voc(Pictures):
    """The pictures that VOC 2012 lists for segmentation, with their maps of 21 classes as the companion `labels`.

    `path` is the folder VOC2012, VOCdevkit above it, or the folder that torchvision's `VOCSegmentation` was given. The
    labels of VOC's own test set are not published, so what it lists as val is the split test, which others report; val
    is a tenth of what it lists as train, by hash. Objects' borders are unknown. Raises `UserError` where the layout is
    another, and for a listed picture or map that is missing.
    """

    rule = "by VOC's lists: its val is test, a tenth of its train is val"

    def __init__(self, path: str | Path, cache: str | Path | None = None) -> None:
        given, self.cache = Path(path).expanduser(), cache
        inside = (given, given / "VOC2012", given / "VOCdevkit" / "VOC2012")
        found = [folder for folder in inside if (folder / LISTS).is_dir()]
        if not found:
            raise UserError(
                f"{given} is no VOC 2012 (it lacks {LISTS}): give data.path=.../VOCdevkit/VOC2012, out of "
                "VOCtrainval_11-May-2012.tar"
            )
        self.path, self._kept = found[0], Kept()
        listed = {name: self._listed(name) for name in ("train", "val")}
        self._held_out = frozenset(f"{stem}.jpg" for stem in listed["val"])
        super().__init__([f"{stem}.jpg" for stems in listed.values() for stem in stems], str(self.path))
        for name in every(self):
            for file in (self.path / PICTURES / name, self._map(name)):
                if not file.is_file():
                    raise UserError(f"{file} is missing, and {LISTS} lists it: unpack VOC 2012 again")

    def _listed(self, name: str) -> list[str]:
        path = self.path / LISTS / f"{name}.txt"
        if not path.is_file():
            raise UserError(f"{path} is missing: unpack VOC 2012 again")
        return path.read_text().split()

    def _map(self, name: str) -> Path:
        return self.path / LABELS / Path(name).with_suffix(".png")

    def split(self, name: str) -> Split:
        if name in self._held_out:
            return "test"
        # Of the three splits by hash two are learned from: nine tenths.
        return "val" if split_by_hash(name) == "val" else "train"

    @property
    def classes(self) -> tuple[str, ...]:
        return CLASSES

    def picture(self, name: str) -> Picture:
        return self._kept(self.path / PICTURES / name, decode)

    def companions(self, name: str) -> dict[str, Layer]:
        path = self._map(name)
        return {"labels": checked(read_labels(path), CLASSES, path, mend=False)}

    def files(self, name: str) -> tuple[Path, ...]:
        return self.path / PICTURES / name, self._map(name)

    def manifest(self) -> str:
        names = every(self)
        files = [f"{PICTURES}/{name}" for name in names] + [f"{LABELS}/{self._map(name).name}" for name in names]
        files += [f"{LISTS}/{name}.txt" for name in ("train", "val")]
        return hash_contents(self.path, files, self.cache)
