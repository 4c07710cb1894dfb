"""What a person may open from the page, beside what it was started with: runs, and what lies below the current folder.

Whoever reaches the page speaks for the one who has started it, and no further than that: other places are named on the
command line. What is opened is read as `run=` reads it; what is trusted was said on the command line as well.
"""

from __future__ import annotations

from pathlib import Path

from henkan.archive.index import Archive
from henkan.errors import UserError
from henkan.training import checkpoint
from henkan.zoo import networks

# So many runs are listed, the last begun first.
LISTED = 200


def runs_in(folder: Path) -> list[dict[str, str]]:
    """Return the runs of a folder that have weights, by name and title."""
    try:
        archive = Archive(folder)
    except UserError:
        # None was trained yet.
        return []
    archive.close()
    found = sorted(archive.entries, key=lambda entry: entry.record.get("created") or "", reverse=True)
    there = (entry for entry in found if checkpoint.last(entry.folder).is_file())
    return [{"name": entry.name, "title": entry.title} for entry, _ in zip(there, range(LISTED), strict=False)]


def located(word: str, runs: Path) -> str:
    """Return the place that a person means: the name of a network, of a run, or a path.

    Raises `UserError` for what lies elsewhere, in the words for what is not there at all.
    """
    if word in networks.names():
        return word
    here = Path.cwd()
    rooms = [here, runs.resolve()]
    for room in rooms:
        try:
            place = (room / word).resolve()
            if place not in rooms and any(map(place.is_relative_to, rooms)) and place.exists():
                return str(place.relative_to(here) if place.is_relative_to(here) else place)
        # No name of a file, or a circle of links.
        except (OSError, ValueError, RuntimeError):
            continue
    raise UserError(
        f"there is no {word!r} among the runs, nor below the folder that henkan serve was started in: name what lies "
        "elsewhere there (models=[…])"
    )
