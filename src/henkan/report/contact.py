"""The test pictures of one seed as a single small picture: source, every configuration's output, target.

Of a picture that has to be reduced a second row shows a detail as it is, where the outputs differ most.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import uniform_filter

from henkan.report.figures.chart import broken
from henkan.report.figures.palette import INK, colors
from henkan.report.run import GIVEN
from henkan.report.study import Study

# The side of a tile. The sheet is for a README, the page has every pixel.
SIDE = 96
GAP = 4
# Of the headings: a line, and what is below the last one.
LINE, RULE = 14, 8
# Fewer rows than these as PNG, which is how many photographs end, and JPEG is taken.
FEW = 6


def sheet(study: Study, limit: int) -> tuple[str, bytes] | None:
    """Return the sheet with as many rows as stay within `limit` bytes, after its kind: jpg where png would have few.

    None without a picture or room.
    """
    for seed in study.seeds:
        runs = {name: run for name, run in study.belonging(seed).items() if run.pictures}
        if runs:
            break
    else:
        return None
    reference = next(iter(runs.values()))
    given = [role for role in GIVEN if any(role in roles for roles in reference.pictures.values())]
    headings = ["source", *given, *study.configurations, "target"]
    rows: list[list[Path | None]] = []
    for number in reference.pictures:
        outputs = [
            runs[name].picture_like(reference, number, "output") if name in runs else None
            for name in study.configurations
        ]
        before = [reference.picture(number, role) for role in ("source", *given)]
        rows.append([*before, *outputs, reference.picture(number, "target")])
    for kind in ("png", "jpg"):
        fitting = rows
        while fitting:
            drawn = draw(study, headings, fitting, kind, outputs=slice(1 + len(given), -1))
            if len(drawn) <= limit:
                break
            fitting = fitting[: min(len(fitting) - 1, len(fitting) * limit // len(drawn))]
        if len(fitting) >= min(FEW, len(rows)) or (fitting and kind == "jpg"):
            return kind, drawn
    return None


def draw(study: Study, headings: list[str], rows: list[list[Path | None]], kind: str, outputs: slice) -> bytes:
    """Return the sheet as PNG or JPEG; what a run has not written stays white. `outputs` of a row are compared."""
    step = SIDE + GAP
    tiles = [line for row in rows for line in lines(row, outputs)]
    font = ImageFont.truetype(findfont("DejaVu Sans"), 11)
    texts = [broken(heading, SIDE, font.getlength) for heading in headings]
    header = RULE + LINE * max(1 + text.count("\n") for text in texts)
    picture = Image.new("RGB", (len(headings) * step - GAP, header + len(tiles) * step - GAP), "white")
    pencil = ImageDraw.Draw(picture)
    palette = {name: color for name, (color, _) in colors(study).items()}
    for column, (heading, text) in enumerate(zip(headings, texts, strict=True)):
        for number, part in enumerate(text.split("\n")):
            pencil.text((column * step, 2 + number * LINE), part, INK, font)
        pencil.rectangle(
            (column * step, header - 4, column * step + SIDE - 1, header - 3), palette.get(heading, "white")
        )
    for place, line in enumerate(tiles):
        for column, tile in enumerate(line):
            if tile is not None:
                picture.paste(tile, (column * step, header + place * step))
    raw = BytesIO()
    if kind == "png":
        picture.save(raw, "PNG", optimize=True)
    else:
        picture.save(raw, "JPEG", quality=90, subsampling=0, optimize=True)
    return raw.getvalue()


def lines(row: list[Path | None], outputs: slice) -> list[list[Image.Image | None]]:
    """Return a row's tiles; under them, if its pictures had to be reduced and outputs differ, the detail's."""
    pictures: list[Image.Image | None] = []
    for path in row:
        if path is None:
            pictures.append(None)
        else:
            with Image.open(path) as opened:
                pictures.append(opened.convert("RGB"))
    found = [[None if picture is None else fitted(picture) for picture in pictures]]
    corner = detail([picture for picture in pictures[outputs] if picture is not None])
    if corner is not None:
        x, y, size = corner
        found.append([None if picture is None else cut(picture, x, y, size) for picture in pictures])
    return found


def detail(outputs: list[Image.Image]) -> tuple[int, int, tuple[int, int]] | None:
    """Return the corner of the SIDE x SIDE window in which outputs of one size vary most, and that size.

    None where they are less than twice as large as the window, fewer than two, or all alike.
    """
    if (
        len({picture.size for picture in outputs}) != 1
        or len(outputs) < 2
        or max(outputs[0].size) < 2 * SIDE
        or min(outputs[0].size) <= SIDE
    ):
        return None
    variance = np.stack([np.asarray(picture, np.float32) for picture in outputs]).var(0).sum(-1)
    if not variance.any():
        return None
    # Window sums by their upper left corner, of those that lie inside.
    height, width = variance.shape
    sums = uniform_filter(variance, SIDE, mode="constant", origin=-(SIDE // 2))[: height - SIDE + 1, : width - SIDE + 1]
    y, x = np.unravel_index(int(sums.argmax()), sums.shape)
    return int(x), int(y), outputs[0].size


def cut(picture: Image.Image, x: int, y: int, size: tuple[int, int]) -> Image.Image:
    """Return the window at x, y of a picture of this size, at its own pixels; of a smaller one the place, enlarged."""
    across, down = picture.width / size[0], picture.height / size[1]
    box = (x * across, y * down, (x + SIDE) * across, (y + SIDE) * down)
    return picture.resize((SIDE, SIDE), Image.Resampling.NEAREST, box=box)


def fitted(picture: Image.Image) -> Image.Image:
    """Return the picture on a square tile: reduced if larger, enlarged by whole pixels if smaller."""
    longest = max(picture.size)
    if longest > SIDE:
        picture = picture.resize(
            [max(1, round(side * SIDE / longest)) for side in picture.size], Image.Resampling.LANCZOS
        )
    elif SIDE // longest > 1:
        factor = SIDE // longest
        picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    tile = Image.new("RGB", (SIDE, SIDE), "white")
    tile.paste(picture, ((SIDE - picture.width) // 2, (SIDE - picture.height) // 2))
    return tile
