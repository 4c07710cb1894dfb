"""Give a picture colors: by itself, by a few points, by a scribble, or in the style of another picture."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf
from PIL import Image, ImageColor
from torch import Tensor
from torch.nn import functional

from henkan import color
from henkan.data.shelf import shrunk
from henkan.degradations.global_colors import GlobalColors
from henkan.degradations.grey import Grey
from henkan.degradations.hints import Hints
from henkan.errors import UserError
from henkan.networks.modes import heeds, learns
from henkan.prediction.given import NOTHING, Given, Layer
from henkan.prediction.pictures import on_white, read
from henkan.prediction.predictor import PICTURE, Predictor
from henkan.prediction.strokes import inner, parted, read_layer
from henkan.tasks.colorization import enlarged

Pixels = NDArray[np.uint8]
Shape = tuple[int, ...]
# What is converted at once where a picture is put together, in pixels.
STRIP = 2_000_000
# A pixel of what the network is shown has a hint where strokes cover more than this of it.
SHARE = 0.02
# The shorter side at which a style picture is handed on.
STYLE = 256
# The shorter side at which a method that was trained at none is shown a picture.
UNTRAINED = 512
# The side of the square that a point becomes, in pixels of what the network is shown.
POINT = 3


class ColorPictures(Predictor):
    """Colors pictures; their lightness stays, at their own size, wherever the color can be shown at that lightness.

    The network is shown the picture with its shorter side at `side` pixels (by default as it was scored); the a and b
    that it finds are enlarged bilinearly. `points` or `scribble` say what some places should be, `style` is a picture
    whose global features are taken in place of this one's, or its mix of colors and its saturation. Pixels are taken
    for sRGB; a color profile is kept.
    """

    takes = frozenset({"points", "scribble", "style"})

    def check(self, given: Mapping[str, Any]) -> None:
        super().check(given)
        asked = heeds(self.network)
        if learns(self.network) and not isinstance(self.transform.degradation, Hints):
            # Its layers may take them: what they mean was never learned.
            asked -= {"hints", "hint_mask"}
        self.given_side()
        if "points" in given and "scribble" in given:
            raise UserError("points and scribble are two ways to say the same: give one of them")
        for key, arguments in (("points", {"hints"}), ("scribble", {"hints"}), ("style", {"style", "ab_histogram"})):
            if key in given and not arguments & asked:
                raise UserError(
                    f"{key}={given[key]}: this generator takes no {key}, or was trained without: leave it out"
                )

    def expect(self, pictures: Sequence[Path]) -> list[Path]:
        super().expect(pictures)
        if self.cfg.scribble is not None and len(pictures) > 1:
            raise UserError(
                f"scribble={self.cfg.scribble} is one scribble for {len(pictures)} pictures: give one input"
            )
        return [Path(str(value)) for key in ("scribble", "style") if (value := self.cfg.get(key)) is not None]

    def beside(self, path: Path) -> Given:
        scribble, style = self.cfg.scribble, self.cfg.style
        return Given(
            points=self.cfg.points,
            scribble=None if scribble is None else read_layer(Path(str(scribble))),
            style=None if style is None else Layer(read(Path(str(style))), str(style)),
        )

    @torch.inference_mode()
    def made(self, image: Image.Image, given: Given = NOTHING, name: str = PICTURE) -> Image.Image:
        """Return a picture in the colors that the network finds; its lightness (unless clipped) and alpha stay."""
        pixels = np.asarray(image.convert("RGB"))
        height, width = pixels.shape[:2]
        known = scored_size(self.trained) if learns(self.network) else UNTRAINED
        small = shrunk(pixels, int(self.cfg.side or known))
        grey = Grey().apply({"target": to_tensor(small).to(self.device)})
        said = hinted(given, pixels.shape, small.shape, name)
        sample = {**grey, **{key: value.to(self.device) for key, value in said.items()}}
        ab = enlarged(self.transform.generate(self.network, sample)["ab"], *small.shape[:2]).cpu()
        large = functional.interpolate(ab, (height, width), mode="bilinear", align_corners=False)
        found = np.empty_like(pixels)
        rows = max(1, STRIP // width)
        for top in range(0, height, rows):
            part = slice(top, top + rows)
            lightness = color.rgb_to_lab(to_tensor(pixels[part]))[:, :1]
            rgb = color.lab_to_rgb(torch.cat((lightness, large[..., part, :] * color.AB), dim=1))
            found[part] = rgb[0].clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).numpy()
        result = Image.fromarray(found)
        if image.mode in ("LA", "RGBA"):
            result.putalpha(image.getchannel("A"))
        return result


def hinted(given: Given, shape: Shape, small: Shape, name: str) -> dict[str, Tensor]:
    """Return the sample keys of what the user gives, at the size that the network is shown."""
    found: dict[str, Tensor] = {}
    if given.points is not None:
        found |= painted(points(given.points), shape, small, name)
    if given.scribble is not None:
        found |= scribbled(given.scribble, shape, small, name)
    if given.style is not None:
        shown = (255 * on_white(given.style.image)).round().astype(np.uint8)
        style = to_tensor(shrunk(shown, STYLE))
        measured = GlobalColors().measured({"target": style, "target_lab": color.rgb_to_lab(style)})
        found |= {"style": Grey().apply({"target": style})["source"], **measured}
    return found


def scored_size(trained: DictConfig) -> int:
    """Return the shorter side of the pictures that a run was scored on, or trained on where these were whole."""
    return int(OmegaConf.select(trained, "evaluation.framing.size") or trained.size)


def to_tensor(pixels: Pixels) -> Tensor:
    """Return a picture (H, W, 3) as (1, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None].float().div(255.0)


def points(given: Any) -> list[tuple[float, float, str]]:
    """Return (x, y, color) of a list of [x, y, "#rrggbb"], or of a CSV file with these columns.

    A file may have a header, spaces, and `;` or tabs between its columns (then `12,5` is a number). Raises `UserError`
    for what is no such list or file, naming the row.
    """
    if not isinstance(given, str):
        try:
            return [(float(x), float(y), str(word)) for x, y, word in given]
        except (TypeError, ValueError):
            raise UserError(f'points={given}: each is x, y and a color, as in points=[[120,80,"#c04020"]]') from None
    path = Path(given).expanduser()
    if not path.is_file():
        raise UserError(f"there is no file of points {path}: give a CSV file with the columns x, y, color")
    try:
        # Spreadsheets put a mark at the beginning.
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path} is no text in UTF-8: save it as CSV") from None
    between = next((sign for sign in (";", "\t") if sign in text), ",")
    found: list[tuple[float, float, str]] = []
    begun = False
    reader = csv.reader(text.splitlines(), delimiter=between, skipinitialspace=True)
    for cells in reader:
        row = [cell.strip() for cell in cells]
        if not any(row):
            continue
        header, begun = not begun and not any(map(is_number, row[:2])), True
        if header:
            continue
        if len(row) != 3 or not all(map(is_number, row[:2])) or not row[2]:
            raise UserError(f"{path}, row {reader.line_num} ({between.join(cells)}): it is to be x, y and a color")
        found.append((to_number(row[0]), to_number(row[1]), row[2]))
    return found


def to_number(word: str) -> float:
    """Return a number that has a point or a comma. Raises `ValueError` for another word."""
    return float(word.replace(",", "."))


def is_number(word: str) -> bool:
    """Whether a word is a number; `nan` and `inf` are none that a place could have."""
    try:
        return math.isfinite(to_number(word))
    except ValueError:
        return False


def painted(found: Sequence[tuple[float, float, str]], shape: Shape, small: Shape, name: str) -> dict[str, Tensor]:
    """Return the hints of points in a picture of `shape`: squares of `POINT` pixels in one of size `small`.

    Raises `UserError` for a point outside the picture, and for a color that is none.
    """
    layer, mask = np.zeros((*small[:2], 3), np.uint8), np.zeros(small[:2], np.float32)
    for x, y, word in found:
        if not (0 <= x < shape[1] and 0 <= y < shape[0]):
            raise UserError(f"the point ({x:g}, {y:g}) lies outside {name}, which has {shape[1]}x{shape[0]} pixels")
        try:
            rgb = ImageColor.getrgb(word)[:3]
        except ValueError:
            raise UserError(f"the point ({x:g}, {y:g}) has the color {word!r}, which is none: write #rrggbb") from None
        row, column = int(y * small[0] / shape[0]), int(x * small[1] / shape[1])
        near = tuple(slice(max(0, place - POINT // 2), place + POINT // 2 + 1) for place in (row, column))
        layer[near], mask[near] = rgb, 1.0
    return hints(color.rgb_to_lab(to_tensor(layer))[:, 1:] / color.AB, torch.from_numpy(mask)[None, None])


def scribbled(scribble: Layer, shape: Shape, small: Shape, name: str) -> dict[str, Tensor]:
    """Return the hints of a scribble: a picture of the same size, without a hint where it is transparent or white.

    Raises `UserError` for one of another size, and for one without any color.
    """
    where = scribble.name
    layer, drawn, dirty = parted(scribble)
    if drawn.shape != tuple(shape[:2]):
        size = f"{drawn.shape[1]}x{drawn.shape[0]}"
        raise UserError(f"{where} has {size} pixels and {name} {shape[1]}x{shape[0]}: draw it at the picture's size")
    if dirty:
        drawn = inner(drawn)
    if not drawn.any():
        raise UserError(f"{where} has no stroke: paint colors on white, or on a transparent layer")
    ab = color.rgb_to_lab(to_tensor(layer))[:, 1:] / color.AB
    mask = torch.from_numpy(drawn.astype(np.float32))[None, None]
    share = functional.interpolate(mask, small[:2], mode="area")
    mean = functional.interpolate(ab * mask, small[:2], mode="area") / share.clamp(min=1e-9)
    covered = share > SHARE
    if not covered.any():
        raise UserError(
            f"the strokes of {where} are too thin for {small[1]}x{small[0]} pixels, at which the network is shown "
            f"{name}: draw thicker ones, or raise side={min(small[:2])}"
        )
    return hints(mean, covered.float())


def hints(ab: Tensor, mask: Tensor) -> dict[str, Tensor]:
    return {"hints": ab * mask, "hint_mask": mask}
