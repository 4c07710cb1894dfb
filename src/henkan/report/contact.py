"""The test pictures of one seed as a single small picture: source, every configuration's output, target."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont

from henkan.report.figures import INK, colors
from henkan.report.read import GIVEN, Study

# Larger pictures are reduced to this side: the sheet is for a README, the page has every pixel.
SIDE = 96
GAP = 4
HEADER = 22
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
    for number, roles in reference.pictures.items():
        outputs = [
            runs[name].pictures.get(number, {}).get("output") if name in runs else None for name in study.configurations
        ]
        rows.append([roles.get("source"), *map(roles.get, given), *outputs, roles.get("target")])
    for kind in ("png", "jpg"):
        fitting = rows
        while fitting:
            drawn = draw(study, headings, fitting, kind)
            if len(drawn) <= limit:
                break
            fitting = fitting[: min(len(fitting) - 1, len(fitting) * limit // len(drawn))]
        if len(fitting) >= min(FEW, len(rows)) or (fitting and kind == "jpg"):
            return kind, drawn
    return None


def draw(study: Study, headings: list[str], rows: list[list[Path | None]], kind: str) -> bytes:
    """Return the sheet as PNG or JPEG; what a run has not written stays white."""
    step = SIDE + GAP
    picture = Image.new("RGB", (len(headings) * step - GAP, HEADER + len(rows) * step - GAP), "white")
    pencil = ImageDraw.Draw(picture)
    font = ImageFont.truetype(findfont("DejaVu Sans"), 11)
    palette = {name: color for name, (color, _) in colors(study).items()}
    for column, heading in enumerate(headings):
        text = heading
        while len(text) > 1 and pencil.textlength(text, font) > SIDE:
            text = f"{text[:-2]}…"
        pencil.text((column * step, 2), text, INK, font)
        pencil.rectangle(
            (column * step, HEADER - 4, column * step + SIDE - 1, HEADER - 3), palette.get(heading, "white")
        )
    for place, row in enumerate(rows):
        for column, path in enumerate(row):
            if path is not None:
                with Image.open(path) as cell:
                    picture.paste(fitted(cell.convert("RGB")), (column * step, HEADER + place * step))
    raw = BytesIO()
    if kind == "png":
        picture.save(raw, "PNG", optimize=True)
    else:
        picture.save(raw, "JPEG", quality=90, subsampling=0, optimize=True)
    return raw.getvalue()


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
