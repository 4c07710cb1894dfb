"""The picture of a card: what a network of the zoo makes of test pictures, beside its baseline."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont

from henkan.report.contact import GAP, LINE, SIDE, fitted
from henkan.report.figures.palette import INK

# In so many columns of rows.
COLUMNS = 2


def draw(ours: Path, theirs: Path, name: str, baseline: str) -> bytes:
    """Return the test pictures as a JPEG: source, baseline, the network's, and the target where there is one."""
    rows = []
    for path in sorted(ours.glob("*_source.png")):
        index = path.stem.partition("_")[0]
        target = ours / f"{index}_target.png"
        rows.append([path, theirs / f"{index}_output.png", ours / f"{index}_output.png", target])
    heads = ["source", baseline, name, "target"]
    if not all(row[3].is_file() for row in rows):
        rows, heads = [row[:3] for row in rows], heads[:3]
    step = SIDE + GAP
    across, down = len(heads) * step + GAP, -(-len(rows) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * across - 2 * GAP, LINE + GAP + down * step - GAP), "white")
    pencil, font = ImageDraw.Draw(sheet), ImageFont.truetype(findfont("DejaVu Sans"), 11)
    for column in range(COLUMNS):
        for place, head in enumerate(heads):
            pencil.text((column * across + place * step, 2), head, INK, font)
    for number, row in enumerate(rows):
        for place, path in enumerate(row):
            left, top = number // down * across + place * step, LINE + GAP + number % down * step
            with Image.open(path) as picture:
                sheet.paste(fitted(picture.convert("RGB")), (left, top))
    content = BytesIO()
    sheet.save(content, "JPEG", quality=85, optimize=True)
    return content.getvalue()
