"""Tar files in WebDataset's layout, anybody's, with random access: where each member lies is found once."""

from __future__ import annotations

import json
import posixpath
import tarfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple, Unpack

from rich.console import Console
from rich.progress import track

from henkan.cores import cores
from henkan.data.cache import cache_folder, locked, recalled, remember
from henkan.data.contents import state_of
from henkan.data.decode import decode, is_picture
from henkan.data.folder import Folder, Given
from henkan.data.image_folder import list_files
from henkan.data.pictures import Layer, Picture
from henkan.data.splits import Split
from henkan.errors import BrokenPicture, UserError
from henkan.files import regular

ENDING = ".tar"
# Fewer are looked through before a bar could be read.
TARS_WORTH_A_BAR = 16


class Member(NamedTuple):
    """A picture in a tar file: its name, where its bytes begin, how many there are, and their hash (or none)."""

    name: str
    offset: int
    size: int
    content: str


class WebDataset(Folder):
    """The samples in the tar files of a folder and all folders below it, or in one tar file, each read where it lies.

    Members whose names agree up to the first dot are one sample: `0001.jpg`, or `0001.input.png` and
    `0001.target.png`; what is no picture is not looked at. `target` is what follows the dot in pictures to be made,
    whatever their kind (`target` or `target.png` here), null the only one that a sample has; `source` the same of those
    that the network is shown, null where there are none. A sample is called by its tar file and its key, as in
    `train-0003/0001`: tar files named train, val or test, or in such folders, are splits.

    Where members lie, and what they hash to, is remembered in `cache`. Raises `UserError` for what is no tar file or a
    compressed one, and for samples that lack one of the two or have several.
    """

    def __init__(
        self,
        path: str | Path,
        cache: str | Path | None = None,
        target: str | None = None,
        source: str | None = None,
        **given: Unpack[Given],
    ) -> None:
        place = Path(path).expanduser()
        alone = place.is_file()
        folder = place.parent if alone else place
        self.tars = [place.name] if alone else list_files(place, {ENDING})
        self.target, self.source = target, source
        hashed = given.get("manifest", "contents") == "contents"
        self._members: dict[str, tuple[str, dict[str, Member]]] = {}
        for tar, members in zip(self.tars, indexes(folder, self.tars, cache, hashed), strict=True):
            where = folder / tar
            for key, fields in by_key(members).items():
                if found := self._chosen(where, key, fields):
                    self._members[f"{tar.removesuffix(ENDING)}/{key}"] = (tar, found)
        if not self._members:
            raise UserError(f"{place} holds no sample with {self._wanted()}: give another data.path or data.target")
        super().__init__(folder, self._members, cache, **given)

    def _wanted(self) -> str:
        words = ["a picture" if self.target is None else f"the picture {self.target}"]
        return " and ".join([*words, *([] if self.source is None else [f"the picture {self.source}"])])

    def _chosen(self, tar: Path, key: str, fields: Mapping[str, list[Member]]) -> dict[str, Member]:
        """Return the pictures of a sample by sample key; nothing of one that has none of those that are wanted."""
        found, rest = {}, dict(fields)
        if self.source is not None:
            found["source"] = rest.pop(field_of(self.source), [])
        if self.target is not None:
            found["target"] = rest.pop(field_of(self.target), [])
        else:
            found["target"] = [member for members in rest.values() for member in members]
        if not any(found.values()):
            return {}
        for layer, members in found.items():
            if len(members) != 1:
                several = ", ".join(member.name for member in members[:3])
                has = f"several pictures ({several})" if members else f"no {layer}"
                raise UserError(
                    f"{tar}: the sample {key} has {has}: say what follows the first dot with data.target, and with "
                    "data.source for pairs, or remove it"
                )
        return {layer: members[0] for layer, members in found.items()}

    def picture(self, name: str) -> Picture:
        return self._read(name, "target")

    def companions(self, name: str) -> dict[str, Layer]:
        return {} if self.source is None else {"source": self._read(name, "source")}

    def _read(self, name: str, layer: str) -> Picture:
        tar, members = self._members[name]
        member = members[layer]
        try:
            with regular(self.path / tar).open("rb") as file:
                file.seek(member.offset)
                content = file.read(member.size)
        except OSError as error:
            raise BrokenPicture(f"{self.path / tar} cannot be read ({error.strerror}): copy it again") from error
        return decode(self.path / tar / member.name, content)

    def files(self, name: str) -> tuple[Path, ...]:
        return (self.path / self._members[name][0],)

    def manifest_of(self, splits: Collection[Split]) -> str:
        rows = [
            [name, layer, member.size, *([member.content] if self.by == "contents" else [])]
            for split in splits
            for name in self._names[split]
            for layer, member in sorted(self._members[name][1].items())
        ]
        content = blake2b(json.dumps([self.by, sorted(rows)]).encode(), digest_size=16).hexdigest()
        return self.as_split(content, splits)


def by_key(members: Iterable[Member]) -> dict[str, dict[str, list[Member]]]:
    """Return the pictures of each key, by what follows the first dot of their names without a picture's ending."""
    found: dict[str, dict[str, list[Member]]] = defaultdict(lambda: defaultdict(list))
    for member in members:
        folder, _, name = member.name.rpartition("/")
        key, _, rest = name.partition(".")
        found[f"{folder}/{key}" if folder else key][field_of(rest)].append(member)
    return found


def field_of(rest: str) -> str:
    """Return what follows the first dot of a name, without a picture's ending: `input` of input.png, nothing of jpg."""
    before, _, ending = rest.rpartition(".")
    return before if is_picture(f".{ending}") else rest


def indexes(folder: Path, tars: list[str], cache: str | Path | None, hashed: bool) -> list[list[Member]]:
    """Return the pictures in each tar file, looked through once, several at a time; `hashed` says with their hashes."""
    with ThreadPoolExecutor(cores()) as pool:
        found = pool.map(lambda tar: index_of(folder / tar, cache, hashed), tars)
        bar = track(
            found,
            f"looking through {folder.name}",
            total=len(tars),
            console=Console(stderr=True),
            disable=len(tars) < TARS_WORTH_A_BAR,
        )
        try:
            return list(bar)
        finally:
            pool.shutdown(cancel_futures=True)


def index_of(path: Path, cache: str | Path | None, hashed: bool) -> list[Member]:
    """Return the pictures in a tar file, by an index that is remembered by its size and time of change."""
    state = state_of(path)
    now = [state.st_size, state.st_mtime_ns]
    place = blake2b(str(path.resolve()).encode(), digest_size=16).hexdigest()
    memory = cache_folder(cache) / "tars" / f"{place}{'' if hashed else '-files'}.json"

    def known() -> list[Member] | None:
        found = recalled(memory) or {}
        return [Member(*member) for member in found["members"]] if found.get("state") == now else None

    if (found := known()) is not None:
        return found
    # Whoever comes meanwhile waits, and finds it done.
    with locked(memory.with_suffix(".indexing")):
        if (found := known()) is None:
            found = looked_through(path, hashed)
            remember(memory, {"state": now, "members": found})
    return found


def looked_through(path: Path, hashed: bool) -> list[Member]:
    """Return the pictures in a tar file, of members of one name the last, as unpacking it would leave."""
    found: dict[str, Member] = {}
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:
            for info in archive:
                name = posixpath.normpath(info.name)
                base = name.rpartition("/")[2]
                if not info.isreg() or info.issparse():
                    continue
                if base.startswith(".") or not is_picture(f".{base.rpartition('.')[2]}"):
                    continue
                name.encode()
                content = archive.extractfile(info) if hashed else None
                digest = "" if content is None else blake2b(content.read(), digest_size=16).hexdigest()
                found[name] = Member(name, info.offset_data, info.size, digest)
            # A damaged header in between ends the list without a word, as the empty block at the end does.
            file.seek(archive.offset)
            if file.read(tarfile.BLOCKSIZE).strip(b"\0"):
                raise tarfile.ReadError(f"damaged at byte {archive.offset:,}")
    except UnicodeEncodeError as error:
        raise UserError(f"{path} has a member whose name is no UTF-8, {name!r}: pack it under another") from error
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise UserError(
            f"{path} cannot be looked through as a tar file ({error}): unpack a compressed one (gunzip), copy a "
            "damaged one again"
        ) from error
    return list(found.values())
