"""The index of run folders: a cache, right whatever happens to it or to the runs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tiny_runs import write_run

from henkan.archive import index
from henkan.archive.index import INDEX, Archive
from henkan.errors import UserError
from henkan.runs.locks import LOCK, lock
from henkan.runs.record import read_record, write_record


def read(runs: Path, settings: bool = True) -> Archive:
    archive = Archive(runs)
    if settings:
        archive.read_settings(archive.entries)
    archive.close()
    return archive


def told(archive: Archive) -> list[tuple[str, str, object]]:
    return [(entry.name, entry.status, entry.settings) for entry in archive.entries]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for seed in range(3):
        write_run(tmp_path, "mse", seed)
    write_run(tmp_path, "gan", alpha=0.01, status="failed")
    return tmp_path


def test_what_the_index_tells_is_what_the_files_do(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read(runs)
    assert len(first.entries) == 4 and (runs / INDEX).is_file()
    by_title = {entry.title: entry for entry in first.entries}
    settings = by_title["gan-seed0"].settings
    assert settings is not None
    assert settings["weights.adversarial"] == 0.01 and settings["optimizer.generator.lr"] == 1e-3
    assert settings["init"] is None and settings["generator._target_"] == "henkan.generators.glcic.GLCIC"

    def refuse(*_: object) -> None:
        raise AssertionError("a file was read that has not changed")

    monkeypatch.setattr(index, "read_json", refuse)
    monkeypatch.setattr(index, "settings_of", refuse)
    assert told(read(runs)) == told(first)


def test_a_file_that_has_changed_is_believed_and_the_index_is_not(runs: Path) -> None:
    read(runs)
    folder = next(runs.glob("*mse-seed1*"))
    stat = (folder / "run.json").stat()
    write_record(folder, {**(read_record(folder) or {}), "status": "fail"})  # type: ignore[typeddict-item]
    # Of the same size and time: another file all the same.
    os.utime(folder / "run.json", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (folder / "run.json").stat().st_size == stat.st_size
    config = next(runs.glob("*mse-seed2*")) / "config.yaml"
    config.write_text(config.read_text().replace("width: 0.25", "width: 0.5"))
    found = {entry.record["seed"]: entry for entry in read(runs).entries if "adversarial" not in entry.name}
    assert found[1].status == "fail"
    assert found[2].settings is not None and found[2].settings["generator.width"] == 0.5


@pytest.mark.parametrize("change", ["cut", "bit", "version", "other", "folder", "gone"])
def test_a_damaged_index_is_made_anew(runs: Path, change: str) -> None:
    wanted, path = told(read(runs)), runs / INDEX
    content = path.read_bytes()
    if change == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif change == "bit":
        path.write_bytes(content.replace(b'"failed"', b'"fooled"'))
    elif change == "version":
        body = json.dumps({"version": 0, "runs": 3}).encode()
        path.write_bytes(index.hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    elif change == "other":
        path.write_text("{}")
    else:
        path.unlink()
        if change == "folder":
            path.mkdir()
    assert told(read(runs)) == wanted
    assert change == "folder" or path.stat().st_size == len(content)


def test_a_run_that_is_gone_leaves_the_index_and_a_new_one_enters_it(runs: Path) -> None:
    read(runs)
    size = (runs / INDEX).stat().st_size
    next(runs.glob("*mse-seed1*")).rename(runs.parent / f"{runs.name}-elsewhere")
    assert len(read(runs).entries) == 3 and (runs / INDEX).stat().st_size < size
    write_run(runs, "new", seed=7)
    assert {entry.record["seed"] for entry in read(runs).entries} == {0, 2, 7}


def test_half_written_folders_are_named_and_left_out(runs: Path) -> None:
    (runs / "begun").mkdir()
    (runs / "begun" / LOCK).touch()
    for name, content in {
        "cut": '{"identity": "ab',
        "other": "{}",
        "list": "[1]",
        "empty": "",
        "odd": "\udcff",
    }.items():
        (runs / name).mkdir()
        (runs / name / "run.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    odd = {"identity": "a", "status": "done", "metrics": [1], "title": 3}
    (runs / "kinds").mkdir()
    (runs / "kinds" / "run.json").write_text(json.dumps(odd))
    for name in ("studies", "prefixes", "notes"):
        (runs / name).mkdir()
    (runs / "file").touch()
    found = Archive(runs)
    assert len(found.entries) == 4
    assert set(found.damaged) == {"begun", "cut", "other", "list", "empty", "odd", "kinds"}
    assert found.damaged["kinds"] == "its run.json says something else under metrics and title than runs do"
    assert found.damaged["begun"] == "it has no run.json"
    assert found.damaged["other"] == "its run.json does not say identity and status"
    assert "is empty" in found.damaged["empty"]


def test_a_config_that_no_run_wrote_is_left_out_of_what_asks_for_settings(runs: Path) -> None:
    aliases, cut, none = sorted(runs.glob("*mse-seed*"))[:3]
    (aliases / "config.yaml").write_text("a: &a [1]\nb: *a\n")
    (cut / "config.yaml").write_text("a: [1\n")
    (none / "config.yaml").unlink()
    found = read(runs)
    assert set(found.damaged) == {aliases.name, cut.name, none.name} and len(found.entries) == 4
    assert "aliases" in found.damaged[aliases.name] and "damaged" in found.damaged[cut.name]


def test_running_is_who_holds_the_lock_and_was_interrupted_who_does_not(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "mse", status="running")
    assert [entry.status for entry in Archive(tmp_path).entries] == ["interrupted"]
    with lock(folder / LOCK):
        assert [entry.status for entry in Archive(tmp_path).entries] == ["running"]


def test_a_record_that_was_edited_is_told(tmp_path: Path) -> None:
    path = write_run(tmp_path, "mse") / "run.json"
    path.write_text(path.read_text().replace('"seconds": 1.5', '"seconds": 0.5'))
    assert [entry.intact for entry in Archive(tmp_path).entries] == [False]


def test_no_runs_and_no_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no runs: henkan train makes one"):
        Archive(tmp_path)
    with pytest.raises(UserError, match=r"nowhere: No such file or directory; name the folder"):
        Archive(tmp_path / "nowhere")


def test_a_place_that_cannot_be_written_to_has_no_index(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(index, "write_index", refuse)
    assert len(read(runs).entries) == 4
    assert not (runs / INDEX).exists()
