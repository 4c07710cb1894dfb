"""Look at all pictures of a data source: splits, what cannot be read, sizes, modes, grey ones, duplicates.

Writes pictures.csv (a row a picture) and sheet.png (some of each split) into a folder, and prints it as the last line.
One pass by several processes; interrupted, the same command goes on. Ends with 2 if a picture cannot be read.

  henkan data data=image_folder data.path=photos
  henkan data data=paired_folder data.path=pairs output=seen
  henkan data data=image_folder data.path=frames 'data.group="^(scene\\d+)"'
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from omegaconf import DictConfig

from henkan.config.build import build
from henkan.config.checks import check_config
from henkan.config.values import count, none_or_more
from henkan.cores import cores
from henkan.data.counted import counted
from henkan.data.notices import left_out, some
from henkan.data.pictures import Pictures
from henkan.data.splits import SPLITS
from henkan.data.survey import Facts, survey, twice, write_sheet
from henkan.errors import UserError
from henkan.files import replaced
from henkan.training.interruption import Signals, ignore_in_worker

COLUMNS = ("split", "name", "width", "height", "format", "mode", "grey", "pixels", "broken")


def main(cfg: DictConfig) -> None:
    check_config(cfg)
    count("sheet", cfg.sheet)
    if cfg.workers is not None:
        none_or_more("workers", cfg.workers)
    output = Path(cfg.output)
    pictures: Pictures = build(cfg.data)
    for line in counted(pictures):
        print(line)
    workers = cores() if cfg.workers is None else cfg.workers
    with Signals("the same command goes on"):
        found = survey(pictures, cfg.paths.cache, workers, ignore_in_worker)
        try:
            write_table(pictures, found, output / "pictures.csv")
            write_sheet(pictures, found, cfg.sheet, output / "sheet.png")
        except OSError as error:
            raise UserError(f"cannot write {output}: {error.strerror}; choose another with output=DIR") from error
    for line in described(pictures, found):
        print(line)
    print(output)
    if broken := sum("broken" in facts for facts in found.values()):
        way = "with data.skip_broken=true training takes others in place of its own"
        raise UserError(f"{broken:,} of {len(found):,} pictures cannot be read: mend or remove them; {way}")


def described(pictures: Pictures, found: dict[str, Facts]) -> Iterator[str]:
    """Yield what was found, in lines: every broken picture, what was left out, and a summary of the others."""
    whole = {name: facts for name, facts in found.items() if "broken" not in facts}
    splits = {name: split for split in SPLITS for name in pictures.names(split)}
    for name, facts in found.items():
        if "broken" in facts:
            yield f"cannot be read: {facts['broken']}" + ("" if name in facts["broken"] else f" ({name})")
    for path, reason in left_out().items():
        yield f"left out: {path} ({reason})"
    if whole:
        sizes = Counter((facts["width"], facts["height"]) for facts in whole.values())
        (width, height), count = sizes.most_common(1)[0]
        shorter = sorted(min(size) for size in sizes.elements())
        yield (
            f"sizes: {len(sizes):,}, mostly {width}x{height} ({count:,}); shorter sides {shorter[0]} to {shorter[-1]}, "
            f"half of them under {shorter[len(shorter) // 2] + 1}"
        )
    if kinds := Counter(f"{facts['format']} {facts['mode']}" for facts in whole.values() if "format" in facts):
        yield "files: " + ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
    if pictures.channels == 3:
        grey = [name for name, facts in whole.items() if facts["grey"]]
        yield f"grey: {len(grey):,}" + (f": {some(grey)}" if grey else "")
    same = twice(found)
    across = [names for names in same if len({splits[name] for name in names}) > 1]
    yield f"same pixels: {sum(len(names) - 1 for names in same):,} more than once" + named(same)
    if across:
        yield f"same pixels in several splits: {len(across):,}, so that scores know what was trained on" + named(across)


def named(groups: Iterable[list[str]]) -> str:
    shown = some([" = ".join(names[:3]) for names in groups])
    return f": {shown}" if shown else ""


def write_table(pictures: Pictures, found: dict[str, Facts], path: Path) -> None:
    """Write a row a picture of each split."""
    with replaced(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for split in SPLITS:
            for name in pictures.names(split):
                writer.writerow({"split": split, "name": name, **found[name]})
