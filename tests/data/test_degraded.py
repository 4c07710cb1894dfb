"""A folder that `henkan degrade` wrote, damaged: one line each, no hang."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from henkan.data.degraded import Degraded, archive_index, manifest_rows
from henkan.data.shards import Chunk, is_whole
from henkan.errors import UserError
from henkan.files import sealed, write_sealed

FACTS = {"identity": "x", "channels": 3, "counts": {"train": 2}, "format": "tar", "shard": 2}
CHUNK = Chunk("train", 0, 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two samples in an archive; of each, source and target."""
    archive_index.cache_clear()
    manifest_rows.cache_clear()
    places, archive = {}, b""
    for number in range(2):
        for layer in ("source", "target"):
            _, content = cv2.imencode(".png", np.full((4, 4, 3), 100 * number + 50, np.uint8))
            places[f"{number:07d}.{layer}.png"] = [len(archive), len(content)]
            archive += content.tobytes()
    rows = [{"key": f"{number:07d}", "facts": {"kind": "center"}} for number in range(2)]
    for name in (CHUNK.manifest, CHUNK.archive):
        (tmp_path / name).parent.mkdir()
    (tmp_path / CHUNK.manifest).write_text("".join(json.dumps(sealed(row)) + "\n" for row in rows))
    (tmp_path / CHUNK.archive).write_bytes(archive)
    write_sealed(tmp_path / CHUNK.index, places)
    write_sealed(tmp_path / "dataset.json", FACTS)
    return tmp_path


def read(folder: Path) -> Any:
    data = Degraded(folder)
    return [(data.picture(name), data.companions(name), data.facts_of(name)) for name in data.names("train")]


def test_whole_it_is_read(folder: Path) -> None:
    (_, (picture, companions, facts)) = read(folder)
    assert (picture == 150).all() and (companions["source"] == 150).all() and facts == {"kind": "center"}
    assert is_whole(folder, CHUNK, "tar")


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (CHUNK.archive, None, None),
        (CHUNK.archive, b"PNG", b"PNF"),
        (CHUNK.index, None, b""),
        (CHUNK.index, b": [", b": ["[:1]),
        (CHUNK.index, b"0000001.source", b"0000003.source"),
        (CHUNK.manifest, None, b""),
        (CHUNK.manifest, b"center", b"centes"),
        (CHUNK.manifest, b'"key"', b'"\xff"'),
        ("dataset.json", None, b"{"),
        ("dataset.json", b'"shard": 2', b'"shard": 1'),
    ],
)
def test_damage_is_one_line(file: str, old: bytes | None, new: bytes | None, folder: Path) -> None:
    path = folder / file
    if new is None:
        path.unlink()
    else:
        path.write_bytes(new if old is None else path.read_bytes().replace(old, new, 1))
    with pytest.raises(UserError) as error:
        read(folder)
    assert "\n" not in str(error.value) and str(folder) in str(error.value)
    if file in (CHUNK.index, CHUNK.manifest) or new is None:
        assert not is_whole(folder, CHUNK, "tar"), "henkan degrade writes it again"


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"counts": {"train": 10**9}}, "is not complete"),
        ({"counts": {"train": 10**9}, "shard": 10**9}, "is not complete"),
        ({"counts": {"train": -1}}, "does not say counts"),
        ({"counts": [2]}, "does not say counts"),
        ({"shard": 0}, "does not say shard"),
        ({"channels": 7, "format": "zip"}, "does not say channels, format"),
        ({"identity": None}, "does not say identity"),
    ],
)
def test_facts_that_cannot_be_are_refused_at_once(facts: dict[str, Any], told: str, folder: Path) -> None:
    write_sealed(folder / "dataset.json", {**FACTS, **facts})
    with pytest.raises(UserError, match=told):
        Degraded(folder)
