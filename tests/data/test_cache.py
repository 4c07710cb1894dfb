"""The cache: one process writes at a time, and what a killed one has left does not stay."""

from pathlib import Path

import pytest
from filelock import FileLock

from henkan.data.cache import locked
from henkan.files import replaced


def test_what_a_killed_process_left_in_the_cache_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "pictures.npy"
    path.parent.mkdir()
    (path.parent / ".pictures.npy.123").write_text("half")
    with locked(path), replaced(path) as partial:
        partial.write_text("whole")
    assert path.read_text() == "whole"
    assert sorted(left.name for left in path.parent.iterdir() if left.suffix != ".lock") == ["pictures.npy"]


def test_one_process_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "pictures.npy"
    with locked(path):
        other = FileLock(tmp_path / "pictures.npy.lock")
        with pytest.raises(TimeoutError):
            other.acquire(timeout=0)
    with other:
        assert other.is_locked
