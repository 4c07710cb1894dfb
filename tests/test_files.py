"""Files whole or not at all, and told when they are no longer what was written."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from henkan.errors import UserError
from henkan.files import (
    Damaged,
    check_archive,
    digests,
    read_json,
    read_sealed,
    read_text,
    regular,
    replaced,
    sweep,
    unsealed,
    write_file,
    write_sealed,
)


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_is_sealed_is_told_from_what_was_edited(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    write_sealed(path, {"name": "写真", "shard": 4, "counts": {"train": 5}})
    assert read_sealed(path, "write it again") == {"name": "写真", "shard": 4, "counts": {"train": 5}}
    path.write_text(path.read_text().replace('"shard": 4', '"shard": 5'))
    with pytest.raises(Damaged, match=r"facts\.json is not what was written there .*; write it again"):
        read_sealed(path, "write it again")


def test_a_mapping_without_a_seal_is_taken_as_it_is() -> None:
    assert unsealed({"a": 1}) == ({"a": 1}, True)
    assert unsealed({"a": 1, "digest": "0"}) == ({"a": 1}, False)
    with pytest.raises(ValueError, match="no mapping"):
        unsealed([1])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b'{"a": 1', "is damaged"),
        (b'{"a": "\xff"}', "no text at byte 7"),
        (b"[1]", "holds no dict"),
        (b"[" * 100_000, "is damaged"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    ],
)
def test_json_that_is_damaged_is_one_line(content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(Damaged, match=told) as error:
        read_json(tmp_path / "a.json", "make it again", dict)
    assert "\n" not in str(error.value) and str(tmp_path / "a.json") in str(error.value)


def test_a_pipe_is_not_waited_for_and_a_folder_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="is a pipe or a device"):
        regular(tmp_path / "pipe")
    with pytest.raises(UserError, match="is a pipe or a device"):
        read_text(tmp_path / "pipe", "")
    with pytest.raises(Damaged, match="cannot be read"):
        read_text(tmp_path, "")


def test_only_what_a_dead_process_left_is_swept(tmp_path: Path) -> None:
    here, dead = socket.gethostname(), dead_process()
    left = [f".last.ckpt.{dead}", f".last.ckpt.{dead}@{here}", f".old.{os.getpid()}@another-machine"]
    kept = [f".last.ckpt.{os.getpid()}@{here}", f".new.{dead}@another-machine", ".lock", ".hidden.5x", "run.json"]
    for name in (*left, *kept):
        (tmp_path / name).write_text("")
    long_ago = time.time() - 2 * 24 * 3600
    os.utime(tmp_path / left[2], (long_ago, long_ago))
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)


def test_a_refusal_names_the_file_and_not_the_partial_one(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left") as error, replaced(tmp_path / "big"):
        raise OSError(28, "No space left on device")
    assert error.value.filename == str(tmp_path / "big")
    with pytest.raises(OSError, match="name too long") as error, replaced(tmp_path / ("x" * 300)) as partial:
        partial.write_text("")
    assert error.value.filename == str(tmp_path / ("x" * 300))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UserError, match="is no folder to write into"), replaced(tmp_path / "gone" / "file") as partial:
        partial.parent.rmdir()
        partial.write_text("")
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "a", tmp_path / "file" / "b" / "a"):
        with pytest.raises(UserError, match=r"file is a file, and a folder is to be there"), replaced(path):
            pass


def test_digests_of_the_files_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "0.png").write_bytes(b"abc")
    found = digests(tmp_path, ["absent.csv", "pictures/*"])
    # SHA-256 of "abc", FIPS 180-2.
    assert found == {"pictures/0.png": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}


def test_an_archive_member_marked_as_a_folder_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    member = zipfile.ZipInfo("archive/data/0")
    for attribute, whole in ((0, True), (0o600 << 16, True), (0x10, False)):
        member.external_attr = attribute
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(member, b"1234")
        if whole:
            check_archive(path, "cache", "")
        else:
            with pytest.raises(Damaged, match="damaged at archive/data/0"):
                check_archive(path, "cache", "")


def test_a_file_that_cannot_be_written_stays_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_file(tmp_path / "deep" / "file", b"old")
    assert path.read_bytes() == b"old" and stat.S_IMODE(path.stat().st_mode) == 0o644

    def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", broken)
    with pytest.raises(OSError, match="disk full"):
        write_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert [file.name for file in path.parent.iterdir()] == ["file"]
