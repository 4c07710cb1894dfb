"""Files that are either the old ones or the new ones, whole, and those that were damaged since, told when read back."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from henkan.errors import UserError

# The key under which a mapping on disk keeps the digest of the rest of it.
SEAL = "digest"
# Whose a partial file or a copy is, at the end of its name: process and machine (older versions: the process).
OWNER = re.compile(r"\.(?P<process>\d+)(?:@(?P<host>.+))?$")
# What another machine has not written to for so long is of a process that was killed there, in seconds.
ABANDONED = 24 * 3600.0
# The attribute of a folder in an archive: torch reads no byte of a member that has it, and says nothing.
FOLDER_ATTRIBUTE = 0x10
# What file systems take for a name, in bytes.
LONGEST_NAME = 255
# What Git leaves in place of a large file that was not fetched.
LFS_POINTER = b"version https://git-lfs"


class Damaged(UserError):
    """A file that is read back is not what was written; the message names it."""


def user_cache() -> Path:
    """Return this user's cache folder: `$XDG_CACHE_HOME/henkan` or `~/.cache/henkan`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "henkan"


def at_home(place: Path, way_out: str) -> Path:
    """Return a path whose `~` is the home folder; raises `UserError`, which ends in `way_out`, where there is none."""
    try:
        return place.expanduser()
    except RuntimeError as error:
        raise UserError(f"{place}: there is no home folder here (HOME is not set): {way_out}") from error


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; when the block ends well, it takes the place of `path` at once.

    What the file system refuses meanwhile names `path`.
    """
    partial = path.with_name(f".{path.name}.{owner()}")
    if len(os.fsencode(partial.name)) > LONGEST_NAME:
        partial = path.with_name(f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}.{owner()}")
    try:
        make_folder(path.parent)
        yield partial
        partial.replace(path)
    except FileNotFoundError as error:
        if error.filename != str(partial):
            raise
        raise UserError(f"{path.parent} is no folder to write into: name another place") from error
    except OSError as error:
        if error.errno is not None and error.filename in (None, str(partial)):
            error.filename = str(path)
        raise
    finally:
        # A name that is too long cannot even be looked for.
        if os.path.exists(partial):
            partial.unlink()


def make_folder(folder: Path) -> None:
    """Make a folder, unless it is there. Raises `UserError` where a file is in its place, or in that of one above."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        in_place = next((path for path in (folder, *folder.parents) if path.is_file()), folder)
        raise UserError(f"{in_place} is a file, and a folder is to be there: name another place, or move it") from error


def owner(process: int | None = None) -> str:
    """Return what names this process, or another one of this machine, among all machines that may share a folder."""
    return f"{process or os.getpid()}@{socket.gethostname()}"


def has_gone(name: str) -> bool:
    """Whether a process that `owner` names ran on this machine and runs no more."""
    process, _, host = name.partition("@")
    return host == socket.gethostname() and process.isdecimal() and not alive(int(process))


def sweep(folder: Path) -> None:
    """Remove what processes that were killed while they wrote have left below a folder."""
    for path in folder.rglob(".*"):
        if path.is_file() and is_left(path):
            path.unlink(missing_ok=True)


def is_left(path: Path) -> bool:
    """Whether a path whose name ends in an owner (see `owner`) is left by one that has died.

    Whether a process of another machine lives cannot be told from here: a file that is a day old is taken as left.
    """
    found = OWNER.search(path.name)
    if found is None:
        return False
    if found["host"] in (None, socket.gethostname()):
        return not alive(int(found["process"]))
    return path.is_file() and time.time() - path.stat().st_mtime > ABANDONED


def alive(process: int) -> bool:
    """Whether a process of this machine runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def write_file(path: Path, content: str | bytes) -> Path:
    """Write a file in one step: whoever reads it sees the old content or the new, never a part. Return its path."""
    with replaced(path) as partial:
        partial.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file, readable to people."""
    write_file(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def write_sealed(path: Path, content: Mapping[str, Any]) -> None:
    """Write a mapping as JSON with a digest of it, by which `read_sealed` tells whether it was changed since."""
    write_json(path, sealed(content))


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON-able mapping with a digest of the rest of it."""
    return {**content, SEAL: _seal(content)}


def unsealed(content: Any) -> tuple[dict[str, Any], bool]:
    """Return a sealed mapping without its seal, and whether it is as it was sealed; one without a seal is.

    Raises `ValueError` for what is no mapping.
    """
    if not isinstance(content, dict):
        raise ValueError("it is no mapping")
    rest = {key: value for key, value in content.items() if key != SEAL}
    return rest, SEAL not in content or content[SEAL] == _seal(rest)


def _seal(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_sealed(path: Path, way_out: str) -> dict[str, Any]:
    """Return what `write_sealed` has written; raises `Damaged`, which ends in the way out, if it is no longer that."""
    content, intact = unsealed(read_json(path, way_out, dict))
    if not intact:
        raise Damaged(f"{path} is not what was written there (edited or damaged); {way_out}")
    return content


def read_json(path: Path, way_out: str, kind: type) -> Any:
    """Return the content of a JSON file, of one kind; raises `Damaged`, which ends in the way out, if it has none."""
    text = read_text(path, way_out)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{path} is damaged ({error}); {way_out}") from error
    if not isinstance(content, kind):
        raise Damaged(f"{path} is damaged (it holds no {kind.__name__}); {way_out}")
    return content


def read_text(path: Path, way_out: str) -> str:
    """Return the text of a file; raises `Damaged`, which ends in the way out, if it cannot be read or is empty."""
    try:
        content = regular(path).read_bytes()
    except OSError as error:
        raise Damaged(f"{path} cannot be read ({error.strerror}); {way_out}") from error
    if not content:
        raise Damaged(f"{path} is empty; {way_out}")
    refuse_pointer(content, path)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Damaged(f"{path} is damaged (it is no text at byte {error.start}); {way_out}") from error


def refuse_pointer(begin: bytes, path: Path) -> None:
    """Raise `Damaged` for a file that begins as what Git LFS leaves where it has not fetched the file itself."""
    if begin.startswith(LFS_POINTER):
        raise Damaged(f"{path} is a pointer of Git LFS: git lfs pull fetches the file")


def check_archive(path: Path, kind: str, way_out: str) -> None:
    """Read a zip archive, "checkpoint" say, against its checksums, which torch does not look at.

    A third of a second a gigabyte. Raises `Damaged`, which ends in the way out, if it is not as it was written.
    """
    begin = opening(path, kind, way_out)
    refuse_pointer(begin, path)
    try:
        with zipfile.ZipFile(path) as archive:
            names = [member.filename for member in archive.infolist() if member.external_attr & FOLDER_ATTRIBUTE]
            bad = archive.testzip() or next(iter(names), None)
    # The header of a member may say anything: that it is encrypted, of a later version, packed in another way.
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, RuntimeError, OSError) as error:
        raise Damaged(f"{path} is not a readable {kind}: cut short or damaged ({error}); {way_out}") from error
    if bad is not None:
        raise Damaged(f"{path} is not a readable {kind}: damaged at {bad}; {way_out}")


def opening(path: Path, kind: str, way_out: str) -> bytes:
    """Return the first bytes of a file; raises `Damaged`, which ends in the way out, if there are none."""
    try:
        with regular(path).open("rb") as file:
            content = file.read(64)
    except OSError as error:
        raise Damaged(f"{path} is not a readable {kind}: {error.strerror}; {way_out}") from error
    if not content:
        raise Damaged(f"{path} is not a readable {kind}: it is empty; {way_out}")
    return content


def regular(path: Path) -> Path:
    """Return a path that leads to a file; raises `UserError` for a pipe or a device, which reading would wait for."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise UserError(f"{path} is a pipe or a device, not a file: remove it")
    return path


def stamp_of(path: str | Path) -> list[int] | None:
    """Return what tells a file from one that was written later: size, time and number; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns, found.st_ino]


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's contents."""
    with regular(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests(folder: Path, patterns: Iterable[str]) -> dict[str, str]:
    """Return the digests of those files in a folder that are there, by their relative paths."""
    found = (path for pattern in patterns for path in sorted(folder.glob(pattern)) if path.is_file())
    return {path.relative_to(folder).as_posix(): digest_of(path) for path in found}
