"""Which code a run was made with: git's commits, and what of the sources no commit has.

Two checkouts can matter, henkan's own and the one that the run was started in. What a diff may hold is bounded, and
what looks like a secret stays out of it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path

from henkan.config.trees import PACKAGE
from henkan.runs.sources import is_installed

SECRETS = (".env*", ".netrc", "*.pem", "*.key", "id_rsa*", "id_ed25519*", "*secret*", "*credential*", "*password*")
# Of all changes, and of a file that git does not know, in bytes: larger ones are no sources.
MOST = 1_000_000
MOST_OF_A_FILE = 200_000
PLAIN = ("--no-ext-diff", "--no-color")


def commits() -> dict[str, str]:
    """Return the commit of each checkout that matters, by where it lies; henkan's own comes first."""
    heads = {str(root): git(root, "rev-parse", "HEAD").strip() for root in checkouts()}
    return {root: head for root, head in heads.items() if head}


def changes(sources: Iterable[Path]) -> str:
    """Return, as one diff, what of the checkouts is not committed, and those of `sources` that git does not know."""
    secrets = [f":(exclude,glob,icase)**/{pattern}" for pattern in SECRETS]
    roots = checkouts()
    parts = [git(root, "diff", *PLAIN, "HEAD", "--", ".", *secrets) for root in roots]
    parts += [
        git(path.parent, "diff", *PLAIN, "--no-index", "--", "/dev/null", path.name)
        for path in unknown(roots, [path.resolve() for path in sources])
        if is_told(path)
    ]
    found = "".join(parts)
    return found if len(found) <= MOST else f"{found[:MOST]}\n# cut after {MOST:,} characters\n"


def checkouts() -> list[Path]:
    """Return the roots of henkan's checkout, unless henkan is installed, and of the one that the work is done in."""
    places = [Path.cwd()] if is_installed(PACKAGE) else [PACKAGE, Path.cwd()]
    roots = [git(place, "rev-parse", "--show-toplevel").rstrip("\n") for place in places]
    return [Path(root) for root in dict.fromkeys(roots) if root]


def unknown(roots: Sequence[Path], sources: Sequence[Path]) -> list[Path]:
    """Return the sources that are neither installed nor tracked in a checkout."""
    tracked: set[Path] = set()
    for root in roots:
        own = [str(path) for path in sources if path.is_relative_to(root)]
        names = git(root, "ls-files", "-z", "--", *own).split("\0") if own else []
        tracked.update(root / name for name in names)
    return [path for path in sources if path not in tracked and not is_installed(path)]


def is_told(path: Path) -> bool:
    """Whether a file is small, and does not look like a secret."""
    secret = any(fnmatch(path.name.lower(), pattern) for pattern in SECRETS)
    return not secret and path.is_file() and path.stat().st_size <= MOST_OF_A_FILE


def git(folder: Path, *words: str) -> str:
    """Return what git prints; nothing where it is absent, or has nothing to say about a folder."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, errors="replace")
    except OSError:
        return ""
    # `diff` ends with 1 where a file is new.
    return done.stdout if done.returncode in (0, 1) else ""
