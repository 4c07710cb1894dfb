"""The test pictures of a page: which are shown, and how each of them gets into it.

A page stays small whatever the study is. Where the pictures are few they are inside it, every pixel; where they are
many, small ones are, of as many rows as there is room for, each with the address of the whole one, and the rest is
shown from where it lies. `--single-file` puts everything in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from henkan.errors import UserError
from henkan.report import thumbnails, words
from henkan.report.beside import Beside
from henkan.report.pairs import Pair, pairs, ranked
from henkan.report.run import GIVEN, PICTURES, Run
from henkan.report.study import Study

# All of them are put in whole as long as they weigh less than this as files.
WHOLE_BYTES = 8_000_000
# How many small ones a page has at most: each costs some milliseconds and two kilobytes.
SMALL = 2_000
# Rows of one seed, below which the other seeds are shown from where they lie.
FEW = 12
# Configurations beside each other, those that score best: more make rows that nobody can look at.
BESIDE = 60
# What stands around a picture in the page, in bytes.
TAGS = 300
# Pictures of a seed whose names the page knows, so that it can show them from where they lie.
NAMED = 2_000
# What a browser still opens.
SINGLE_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Cell:
    """One picture of the grid: `src` is what stands in the page, None where a run has not written it; `full` is the
    address of the whole picture where that is not in the page."""

    caption: str
    src: str | None
    full: str | None = None


@dataclass(frozen=True)
class Row:
    number: int
    name: str
    cells: list[Cell]


@dataclass(frozen=True)
class Rest:
    """Pictures that are shown from where they lie: of each column the beginning and the end of their addresses (None:
    there are none), and what stands between them, with each picture's name."""

    columns: list[tuple[str, str] | None]
    rows: list[tuple[str, str]]


@dataclass(frozen=True)
class Gallery:
    """The test pictures of one seed: a heading for each column, the rows in the page, and those that are not."""

    seed: int
    headings: list[str]
    rows: list[Row]
    rest: Rest | None = None
    # How many pictures there are that are not shown, and configurations.
    hidden: int = 0
    left_out: int = 0
    pairs: list[Pair] = field(default_factory=list)

    @property
    def told(self) -> list[dict[str, object]]:
        """Return the pairs as the page's script reads them."""
        return [
            {
                "one": pair.one,
                "other": pair.other,
                "apart": pair.apart,
                "groups": [
                    {"title": group.title, "choices": [[choice.number, choice.said] for choice in group.choices]}
                    for group in pair.groups
                ],
            }
            for pair in self.pairs
        ]


@dataclass(frozen=True)
class Wall:
    """What a gallery is made of: a seed's runs by configuration, and the pictures of the run that has the most."""

    study: Study
    seed: int
    runs: dict[str, Run | None]
    reference: Run
    given: list[str]
    left_out: int

    @property
    def headings(self) -> list[str]:
        return ["source", *self.given, *self.runs, "target"]

    @property
    def numbers(self) -> list[int]:
        return list(self.reference.pictures)

    def columns(self) -> list[tuple[str, Run | None, str]]:
        """Return of each column what it is called, whose pictures it shows, and which."""
        return [
            *((role, self.reference, role) for role in ("source", *self.given)),
            *((name, run, "output") for name, run in self.runs.items()),
            ("target", self.reference, "target"),
        ]


def walls(study: Study) -> list[Wall]:
    """Return what there is of each seed that has pictures."""
    seeds = [seed for seed in study.seeds if any(run.pictures for run in study.runs if run.seed == seed)]
    if not seeds and any(run.pictures for run in study.runs):
        seeds = study.seeds[:1]
    shown = best(study)
    found = []
    for seed in seeds:
        of_seed = study.belonging(seed)
        runs = {name: of_seed.get(name) for name in shown}
        with_pictures = [run for run in runs.values() if run is not None and run.pictures]
        if not with_pictures:
            continue
        reference = max(with_pictures, key=lambda run: len(run.pictures))
        given = [role for role in GIVEN if any(role in roles for roles in reference.pictures.values())]
        found.append(Wall(study, seed, runs, reference, given, len(study.configurations) - len(shown)))
    return found


def best(study: Study) -> list[str]:
    """Return the configurations that stand beside each other: all, or the baselines and those that score best."""
    names = list(study.configurations)
    if len(names) <= BESIDE:
        return names
    key = next((key for key in study.headline or study.metrics if key in study.directions), None)
    order = names if key is None else ranked(study, key)
    first = [name for name in names if name not in study.baselines]
    kept = set([*first, *(name for name in order if name not in first)][:BESIDE])
    return [name for name in names if name in kept]


def galleries(studies: Iterable[Study], beside: Beside, room: int, single: bool) -> list[list[Gallery]]:
    """Return the galleries of each part of a study, all within `room` bytes but for a single file."""
    parts = [walls(study) for study in studies]
    limit = SINGLE_BYTES if single else WHOLE_BYTES
    weight = weigh([wall for part in parts for wall in part], limit if not single else None)
    if single and weight > limit:
        raise UserError(
            f"the pictures are {weight / 1e9:.1f} GB, and no browser opens a file with more than "
            f"{SINGLE_BYTES / 1e9:.0f}: send {beside.root} instead, whose page links to them"
        )
    cells = sum(len(wall.headings) * len(wall.numbers) for part in parts for wall in part)
    if single or (weight <= WHOLE_BYTES and weight * 4 // 3 + cells * TAGS <= room):
        return [[gallery(wall, wall.numbers, beside, wall is part[0], entire=True) for wall in part] for part in parts]
    there = sum(map(bool, parts)) or 1
    return [shared_out(part, beside, room // there, SMALL // there) for part in parts]


def weigh(found: list[Wall], limit: int | None) -> int:
    """Return how many bytes pictures are; what is beyond a limit is not counted."""
    weight = 0
    for wall in found:
        for _, run, role in wall.columns():
            if run is None:
                continue
            for roles in run.pictures.values():
                if role in roles:
                    weight += (run.folder / PICTURES / roles[role]).stat().st_size
                if limit is not None and weight > limit:
                    return weight
    return weight


def shared_out(part: list[Wall], beside: Beside, room: int, count: int) -> list[Gallery]:
    """Return the galleries of one part with small pictures: of every seed, or where these are few, of the first."""
    if not part:
        return []
    wide = len(part[0].headings)
    rows = count // (wide * len(part))
    inside = part if rows >= min(FEW, len(part[0].numbers)) else part[:1]
    rows = max(1, count // (wide * len(inside)))
    found = []
    for wall in part:
        shown = chosen(wall, rows) if wall in inside else []
        made = gallery(wall, shown, beside, wall is part[0], room=room // len(inside))
        if made.rows or made.rest:
            found.append(made)
    return found


def chosen(wall: Wall, count: int) -> list[int]:
    """Return the numbers of so many pictures: those that tell configurations apart, and others spread over the set."""
    numbers = wall.numbers
    if count >= len(numbers):
        return numbers
    telling = [
        number for pair in pairs(wall.study, wall.runs, wall.reference, numbers, few=3) for number in pair.numbers
    ]
    spread = numbers[:: max(1, len(numbers) // count)]
    kept = [*dict.fromkeys(telling)][: count * 2 // 3]
    return sorted([*dict.fromkeys([*kept, *spread])][:count])


def gallery(
    wall: Wall, shown: list[int], beside: Beside, paired: bool, entire: bool = False, room: int | None = None
) -> Gallery:
    """Return one seed's pictures: source, every configuration's output, target; and the pairs, if it has them."""
    columns = wall.columns()
    wanted = [
        [None if run is None else run.picture_like(wall.reference, number, role) for _, run, role in columns]
        for number in shown
    ]
    rows, spent = [], 0
    made = thumbnails.at_once(partial(put_in, whole=entire), [path for paths in wanted for path in paths])
    for number, paths in zip(shown, wanted, strict=True):
        row = Row(number, picture_name(wall.reference, number), [])
        for (heading, run, role), path, src in zip(columns, paths, made, strict=False):
            note = score_note(wall.study, run, row.name) if role == "output" else ""
            full = path is not None and src is not None and not src.startswith(thumbnails.WHOLE)
            row.cells.append(Cell(f"{heading}{note}", src, beside.picture(path) if path and full else None))
        spent += sum(len(cell.src or "") + TAGS for cell in row.cells)
        if room is not None and spent > room:
            break
        rows.append(row)
    made.close()
    inside = [row.number for row in rows]
    others = [number for number in wall.numbers if number not in set(inside)]
    can_be_seen = all(run is None or not run.pictures or beside.holds(run.folder) for _, run, _ in wall.columns())
    rest = remaining(wall, others[:NAMED], beside) if others and can_be_seen else None
    hidden = max(0, len(others) - NAMED) if can_be_seen else len(others)
    told = pairs(wall.study, wall.runs, wall.reference, inside, compare=True) if paired else []
    return Gallery(wall.seed, wall.headings, rows, rest, hidden, wall.left_out, told)


def put_in(path: Path | None, whole: bool) -> str | None:
    """Return a picture as it goes into the page."""
    return None if path is None else thumbnails.whole(path) if whole else thumbnails.small(path)


def remaining(wall: Wall, numbers: list[int], beside: Beside) -> Rest:
    """Return what is shown from where it lies; see `Rest`."""
    columns = []
    for _, run, role in wall.columns():
        # Addresses are made of the reference's numbers.
        alike = run is not None and run.picture_names == wall.reference.picture_names
        there = run is not None and alike and any(role in roles for roles in run.pictures.values())
        place = beside.address(run.folder / "pictures") if run is not None and there else None
        columns.append(None if place is None else (f"{place}/", f"_{role}.png"))
    stems = {number: next(iter(wall.reference.pictures[number].values())).partition("_")[0] for number in numbers}
    return Rest(columns, [(stems[number], picture_name(wall.reference, number)) for number in numbers])


def picture_name(run: Run, number: int) -> str:
    names = run.picture_names
    return names[number] if number < len(names) else f"picture {number:02d}"


def score_note(study: Study, run: Run | None, name: str) -> str:
    """Return a picture's headline scores for the caption under an enlarged output; empty where unscored."""
    if run is None or run.scores is None or name not in run.scores.index:
        return ""
    found = run.scores.loc[name]
    notes = [f"{words.metric(key).label} {found[key]:.3g}" for key in study.headline if key in found]
    return f": {', '.join(notes)}" if notes else ""
