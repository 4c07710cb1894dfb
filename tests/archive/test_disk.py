"""What runs take, and which prefixes are needed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import write_run

from henkan.archive.disk import prefixes, taken
from henkan.archive.index import Archive
from henkan.archive.removal import delete
from henkan.errors import UserError
from henkan.files import owner
from henkan.runs.locks import LOCK, TURN, lock
from henkan.runs.prefix import folder as prefix_folder

BOUNDARY = "c0ffee" * 11


def test_bytes_are_the_disk_s_and_a_file_of_two_names_counts_once(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "mse")
    before = taken(folder)
    assert before["checkpoints"] == before["pictures"] == 0 and before["rest"] > 0
    (folder / "checkpoints" / "10.ckpt").write_bytes(b"x" * 100_000)
    os.link(folder / "checkpoints" / "10.ckpt", folder / "checkpoints" / "last.ckpt")
    (folder / "pictures").mkdir()
    (folder / "pictures" / "link").symlink_to(folder / "checkpoints", target_is_directory=True)
    found = taken(folder)
    assert 100_000 <= found["checkpoints"] < 110_000 and found["rest"] == before["rest"]


def offer(runs: Path, identity: str = BOUNDARY) -> Path:
    folder = prefix_folder(runs, identity)
    folder.mkdir(parents=True)
    (folder / "boundary.ckpt").write_bytes(b"x" * 5000)
    return folder


@pytest.mark.parametrize(
    ("record", "own", "needed"),
    [
        ({}, False, []),
        ({"status": "stopped"}, False, []),
        ({"status": "failed"}, False, ["is failed"]),
        # Killed, and nothing of its own to go on from.
        ({"status": "running"}, False, ["is interrupted"]),
        ({"status": "running"}, True, []),
    ],
)
def test_a_prefix_is_needed_by_who_has_not_passed_it(
    tmp_path: Path, record: dict[str, Any], own: bool, needed: list[str]
) -> None:
    folder = write_run(tmp_path, "gan", boundaries={"6": BOUNDARY}, **record)
    if own:
        (folder / "checkpoints" / "last.ckpt").touch()
    offer(tmp_path)
    (found,) = prefixes(Archive(tmp_path))
    assert (found.iteration, found.runs, found.bytes >= 5000) == (6, [folder.name], True)
    assert found.needed == [f"{folder.name} {word}" for word in needed]


def test_a_prefix_stays_for_whom_a_study_has_yet_to_begin_and_for_who_is_on_the_way(tmp_path: Path) -> None:
    start = {"iteration": 6, "identity": BOUNDARY}
    # Recorded before there were boundaries.
    folder = write_run(tmp_path, "gan", prefix=start)
    offered, other = offer(tmp_path), offer(tmp_path, "d" * 64)
    study = tmp_path / "studies" / "alpha-smoke"
    study.mkdir(parents=True)
    runs = [{"folder": f"../../{folder.name}", "status": "running"}, {"folder": "../../later", "status": "waiting"}]
    (study / "study.json").write_text(json.dumps({"runs": runs}))
    with lock(other / LOCK):
        needed = {one.folder: one.needed for one in prefixes(Archive(tmp_path))}
    assert needed == {offered: ["alpha-smoke has runs to do"], other: ["a run is on the way to it"]}
    (study / "study.json").write_text(json.dumps({"runs": runs, "gathered": True}))
    assert [one.needed for one in prefixes(Archive(tmp_path))] == [[], []]
    (study / "study.json").write_text(json.dumps({"runs": runs[:1]}))
    assert [one.needed for one in prefixes(Archive(tmp_path))] == [[], []]
    (study / "study.json").write_text("{")
    assert [one.needed for one in prefixes(Archive(tmp_path))] == [[], []]


def test_a_search_that_is_at_work_keeps_what_its_runs_share(tmp_path: Path) -> None:
    write_run(tmp_path, "gan", study="alpha", boundaries={"6": BOUNDARY})
    running = write_run(tmp_path, "next", seed=1, study="alpha", status="running")
    offer(tmp_path)
    with lock(running / LOCK):
        assert [one.needed for one in prefixes(Archive(tmp_path))] == [["alpha has runs to do"]]


@pytest.mark.parametrize("name", [LOCK, TURN])
def test_what_a_process_works_on_is_not_deleted_nor_is_anything_else(tmp_path: Path, name: str) -> None:
    one, other = write_run(tmp_path, "a"), write_run(tmp_path, "b", seed=1)
    with lock(other / name), pytest.raises(UserError, match=f"{other.name} is being trained or scored: nothing was"):
        delete([one, other])
    assert one.is_dir() and other.is_dir()
    delete([one, other])
    assert list(tmp_path.iterdir()) == []


def test_a_link_goes_and_what_it_leads_to_stays_and_leftovers_go(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "elsewhere", "a")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / folder.name).symlink_to(folder, target_is_directory=True)
    # What a process that was killed while it deleted has left, and one that lives is at.
    left, others = (tmp_path / "runs" / f".deleted-x.{name}" for name in (owner(2**22 + 1), owner()))
    left.mkdir()
    others.mkdir()
    delete([tmp_path / "runs" / folder.name])
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [others.name]
    assert (folder / "run.json").is_file()
