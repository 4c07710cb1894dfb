"""Ten color photographs that travel inside the wheels of scikit-image and scikit-learn: no download."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import blake2b
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from henkan.data.decode import decode
from henkan.data.kept import Kept
from henkan.data.pictures import Picture, Pictures
from henkan.data.splits import Split
from henkan.errors import UserError

# So few that a hash would leave a split empty: each split is written down.
SPLIT_OF: dict[str, Split] = {
    "skimage/astronaut.png": "train",
    "skimage/chelsea.png": "test",
    "skimage/coffee.png": "val",
    "skimage/hubble_deep_field.jpg": "train",
    "skimage/ihc.png": "train",
    "skimage/motorcycle_left.png": "train",
    "skimage/retina.jpg": "train",
    "skimage/rocket.jpg": "train",
    "sklearn/china.jpg": "test",
    "sklearn/flower.jpg": "train",
}
FOLDERS = {"skimage": ("scikit-image", "data"), "sklearn": ("scikit-learn", "datasets/images")}


class Photographs(Pictures):
    """Seven photographs to train on, one to select by, two to report: to try things, not to conclude from."""

    rule = "as they are listed"

    def __init__(self) -> None:
        super().__init__(SPLIT_OF, "the sample photographs")
        self._paths = {name: _path(name) for name in SPLIT_OF}
        self._kept = Kept()

    def split(self, name: str) -> Split:
        return SPLIT_OF[name]

    def picture(self, name: str) -> Picture:
        return self._kept(self._paths[name], decode)

    @property
    def reducible(self) -> bool:
        return type(self).picture is Photographs.picture

    def reduced(self, name: str, choose: Callable[[int, int], int]) -> tuple[Picture, int]:
        return self._kept.reduced(self._paths[name], choose)

    def files(self, name: str) -> tuple[Path, ...]:
        return (self._paths[name.partition("@")[0]],)

    def manifest(self) -> str:
        versions = [version(distribution) for distribution, _ in FOLDERS.values()]
        sizes = [[name, SPLIT_OF[name], path.stat().st_size] for name, path in self._paths.items()]
        return blake2b(json.dumps([versions, sizes]).encode(), digest_size=16).hexdigest()


def picture_file(given: str | Path) -> Path:
    """Return the file that a person means: a path, or the name of a sample photograph (`skimage/astronaut.png`).

    Raises `UserError` where there is neither.
    """
    path = Path(given).expanduser()
    if path.is_file():
        return path
    if str(given) in SPLIT_OF:
        return _path(str(given))
    raise UserError(f"there is no picture {given}; give a file, or a sample photograph: {', '.join(SPLIT_OF)}")


def _path(name: str) -> Path:
    package, file = name.split("/")
    distribution, folder = FOLDERS[package]
    spec = find_spec(package)
    path = Path((spec.submodule_search_locations or [""])[0] if spec else "") / folder / file
    if not path.is_file():
        raise UserError(f"this version of {distribution} does not carry {file}: install one that does")
    return path
