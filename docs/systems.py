"""Draw docs/systems.png, README's picture, from pictures of studies and the zoo: `uv run python docs/systems.py`.

Above, a column a system: source, MSE, adversary, target. Below, systems that answer without an adversary.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFont

ROOT = Path(__file__).parents[1]
# GitHub shows a README no wider.
WIDTH, LEFT, GAP, LINE = 880, 84, 4, 20
# A study's sheet has cells of 96 pixels, 100 from one to the next, under a line of 22 with the columns' names, and 14
# for each more.
CELL, PITCH, HEAD, MORE = 96, 100, 22, 14


@dataclass(frozen=True)
class System:
    """A system: its name, the file under experiments/, the corners of the pictures that are shown, and their size.

    What lies at `over` was drawn by hand over the first picture.
    """

    name: str
    file: str
    corners: list[tuple[int, int]]
    size: tuple[int, int] = (CELL, CELL)
    over: tuple[int, int] | None = None


def cells(row: int, *columns: int, lines: int = 1) -> list[tuple[int, int]]:
    """Return the corners of cells of a study's sheet, whose columns have names of so many lines."""
    return [(column * PITCH, HEAD + (lines - 1) * MORE + row * PITCH) for column in columns]


ABOVE = (
    System("super-resolution", "sr_mse_vs_gan/results/pictures.png", cells(1, 0, 2, 3, 5)),
    System("line drawing", "line_loss/results/pictures.png", cells(6, 0, 1, 4, 6)),
    System(
        "sketch and strokes",
        "sketch_to_picture/results/pictures_illustrations.jpg",
        cells(5, 0, 2, 4, 5),
        over=cells(5, 1)[0],
    ),
    System("color", "color_losses/results/pictures_illustrations.jpg", cells(1, 0, 1, 6, 8)),
    System("completion", "mse_vs_gan/results/pictures.png", cells(2, 0, 1, 3, 4)),
    System("segmentation", "segmentation_width/results/pictures.png", cells(6, 0, 9, 6, 10, lines=2)),
)
ROWS = ("source", "MSE", "adversarial", "target")
BELOW = (
    # Of a sheet of the zoo: its lines of names have 18 pixels.
    System("color by points: its source, answer, target", "zoo/color_guided.jpg", [(0, 218), (200, 218), (300, 218)]),
    System("haze taken away, and the target", "zoo/dehaze.jpg", [(0, 118), (200, 118), (300, 118)]),
    System(
        "a photograph, a style, painted in it",
        "style_grid/results/pictures.jpg",
        [(10, 18), (304, 18), (272, 211)],
        (170, 170),
    ),
)


def drawn() -> Image.Image:
    """Return the picture."""
    wide = (WIDTH - LEFT) // len(ABOVE) - GAP
    small = WIDTH // sum(len(system.corners) for system in BELOW) - GAP
    below = LINE + len(ROWS) * (wide + GAP) + 2 * GAP
    sheet = Image.new("RGB", (WIDTH, below + LINE + small), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for place, name in enumerate(ROWS):
        pen.text((2, LINE + place * (wide + GAP) + wide // 2 - 8), name, "black", font)
    for column, system in enumerate(ABOVE):
        x = LEFT + column * (wide + GAP)
        pen.text((x + 1, 1), system.name, "black", font)
        for place, picture in enumerate(pictures(system, wide)):
            sheet.paste(picture, (x, LINE + place * (wide + GAP)))
    x = 0
    for system in BELOW:
        pen.text((x + 1, below + 1), system.name, "black", font)
        for picture in pictures(system, small):
            sheet.paste(picture, (x, below + LINE))
            x += small + GAP
    return sheet


def pictures(system: System, side: int) -> list[Image.Image]:
    """Return the pictures of a system as squares of a side."""
    with Image.open(ROOT / "experiments" / system.file) as opened:
        sheet = opened.convert("RGB")
    found = [cut(sheet, corner, system.size) for corner in system.corners]
    if system.over is not None:
        found[0] = ImageChops.multiply(found[0], cut(sheet, system.over, system.size))
    return [picture.resize((side, side), Image.Resampling.BICUBIC) for picture in found]


def cut(sheet: Image.Image, corner: tuple[int, int], size: tuple[int, int]) -> Image.Image:
    return sheet.crop((*corner, corner[0] + size[0], corner[1] + size[1]))


if __name__ == "__main__":
    drawn().save(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs" / "systems.png", optimize=True)
