"""Collect the photographs that networks of the zoo are trained on, all of them free to share, change and sell.

    apt-get download lomiri-wallpapers-16.04 lomiri-wallpapers-20.04
    dpkg -x lomiri-wallpapers-16.04_*.deb unpacked/16.04
    dpkg -x lomiri-wallpapers-20.04_*.deb unpacked/20.04
    python experiments/zoo/photographs.py photos unpacked/16.04 unpacked/20.04

Those of Debian's packages (authors and licences in NOTICE) have their shorter side reduced to 640 pixels; those of
scikit-image and scikit-learn are as they are. chelsea and china are for testing alone.
"""

from __future__ import annotations

import sys
from pathlib import Path

import skimage
import sklearn
from PIL import Image

SHORTER = 640
IN_PACKAGES = {
    "train": ("astronaut.png", "rocket.jpg", "ihc.png", "hubble_deep_field.jpg", "flower.jpg"),
    "val": ("coffee.png",),
    "test": ("chelsea.png", "china.jpg"),
}


def main(output: Path, packages: list[Path]) -> None:
    folders = [Path(skimage.__file__).parent / "data", Path(sklearn.__file__).parent / "datasets" / "images"]
    for split, names in IN_PACKAGES.items():
        for name in names:
            put(output / split, next(folder / name for folder in folders if (folder / name).is_file()))
    for package in packages:
        for path in sorted(package.rglob("*.jpg")):
            put(output / "train", path, SHORTER)


def put(folder: Path, path: Path, shorter: int | None = None) -> None:
    """Write a photograph as PNG, its shorter side reduced."""
    with Image.open(path) as file:
        image = file.convert("RGB")
    scale = 1.0 if shorter is None else min(1.0, shorter / min(image.size))
    if scale < 1:
        method = Image.Resampling.BOX if scale < 0.3 else Image.Resampling.LANCZOS
        image = image.resize((round(image.width * scale), round(image.height * scale)), method)
    folder.mkdir(parents=True, exist_ok=True)
    image.save(folder / f"{path.stem}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), list(map(Path, sys.argv[2:])))
