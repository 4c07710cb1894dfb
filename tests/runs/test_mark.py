"""Runs of this person are known by a mark that nobody else can write."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from henkan.runs.mark import is_own, kept, key_file, made, mark

CONFIG = {"seed": 1, "rate": 1e-05, "words": ["1e3", "yes", "2001-01-01", "a: b\n"], "none": None, "size": (3, 4.0)}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def test_a_run_is_known_as_it_was_written() -> None:
    record = {"identity": "abc", "mark": mark("abc", CONFIG)}
    read = OmegaConf.create(OmegaConf.to_yaml(OmegaConf.create(CONFIG)))
    assert is_own(record, read)
    assert not is_own({**record, "identity": "abd"}, read)
    assert not is_own({"identity": "abc"}, read)
    assert not is_own({"identity": "abc", "mark": 1}, read)
    assert not is_own({"identity": "abc", "mark": "é"}, read)
    for key, value in (("seed", 1.0), ("seed", True), ("rate", 2e-05), ("none", "null"), ("more", 1)):
        assert not is_own(record, OmegaConf.merge(read, {key: value}))  # type: ignore[arg-type]


def test_the_key_is_for_this_person_alone(home: Path) -> None:
    key = made()
    assert key is not None and len(key) == 32 and key == made() == kept() == (home / "henkan" / "key").read_bytes()
    assert stat.S_IMODE((home / "henkan" / "key").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "henkan").stat().st_mode) == 0o700


def test_another_key_knows_nothing_of_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record, config = {"identity": "abc", "mark": mark("abc", CONFIG)}, OmegaConf.create(CONFIG)
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "other"))
    assert not is_own(record, config)
    assert not (home / "other").exists(), "to ask makes no key"
    assert mark("abc", CONFIG) != record["mark"]
    assert not is_own(record, config)


@pytest.mark.parametrize("content", [b"", b"short"])
def test_a_damaged_key_signs_nothing_and_is_made_anew(home: Path, content: bytes) -> None:
    (home / "henkan").mkdir(parents=True)
    (home / "henkan" / "key").write_bytes(content)
    assert kept() is None
    assert made() is not None


def test_where_no_key_can_be_kept_nothing_is_known(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.write_text("no folder")
    assert mark("abc", CONFIG) is None
    assert not is_own({"identity": "abc", "mark": None}, OmegaConf.create(CONFIG))


def test_a_relative_state_folder_is_not_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # So says the XDG specification.
    monkeypatch.setenv("HOME", str(tmp_path))
    for given in ("", "state"):
        monkeypatch.setenv("XDG_STATE_HOME", given)
        assert key_file() == tmp_path / ".local" / "state" / "henkan" / "key"


def test_processes_agree_on_one_key() -> None:
    command = [sys.executable, "-c", "from henkan.runs.mark import made; print(made().hex())"]

    def start(_: int) -> str:
        return subprocess.run(command, env=os.environ, capture_output=True, text=True, check=True).stdout

    with ThreadPoolExecutor(4) as threads:
        (key,) = set(threads.map(start, range(4)))
    assert made() == bytes.fromhex(key)
