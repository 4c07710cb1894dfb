"""Draw docs/systems.png, README's picture, from the studies' own pictures: `uv run python docs/systems.py`.

A study's picture is a sheet of squares of 96 pixels, 4 apart, under a line of 22 pixels with the columns' names.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).parents[1]
SIDE, PITCH, HEAD = 96, 100, 22
# Of each system: its name, its sheet, the row that is shown, and the columns of source, MSE, adversary and target.
SYSTEMS = (
    ("super-resolution", "sr_mse_vs_gan/results/pictures.png", 1, (0, 2, 3, 5)),
    ("line drawing", "line_loss/results/pictures.png", 5, (0, 1, 4, 6)),
    ("sketch and strokes", "sketch_to_picture/results/pictures_illustrations.jpg", 5, (0, 2, 4, 5)),
    ("color", "color_losses/results/pictures_illustrations.jpg", 3, (0, 1, 6, 8)),
    ("completion", "mse_vs_gan/results/pictures.png", 2, (0, 1, 3, 4)),
)
ROWS = ("source", "MSE", "adversarial", "target")
SHOWN, LEFT = 144, 92


def drawn() -> Image.Image:
    """Return the picture: a column a system, a row each for source, MSE, adversary and target."""
    gap = 8
    sheet = Image.new("RGB", (LEFT + len(SYSTEMS) * (SHOWN + gap), 26 + len(ROWS) * (SHOWN + gap)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for place, name in enumerate(ROWS):
        pen.text((6, 26 + place * (SHOWN + gap) + SHOWN // 2 - 8), name, "black", font)
    for column, (name, file, row, columns) in enumerate(SYSTEMS):
        x = LEFT + column * (SHOWN + gap)
        pen.text((x + 2, 4), name, "black", font)
        with Image.open(ROOT / "experiments" / file) as pictures:
            for place, number in enumerate(columns):
                corner = (number * PITCH, HEAD + row * PITCH)
                square = pictures.convert("RGB").crop((*corner, corner[0] + SIDE, corner[1] + SIDE))
                sheet.paste(square.resize((SHOWN, SHOWN), Image.Resampling.BICUBIC), (x, 26 + place * (SHOWN + gap)))
    return sheet


if __name__ == "__main__":
    drawn().save(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs" / "systems.png", optimize=True)
