"""What no commit has, of henkan's checkout and the user's: with sources that git does not know, without secrets."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from henkan.runs import checkout


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"]
    return subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Henkan's checkout and the user's, each with a committed file; the work is done in a folder of the latter."""
    roots = tmp_path / "framework", tmp_path / "mine"
    for root in roots:
        (root / "src").mkdir(parents=True)
        (root / "src" / "known.py").write_text("ONE = 1\n")
        (root / ".env").write_text("TOKEN=1\n")
        git(root, "init")
        git(root, "add", "-A")
        git(root, "commit", "-m", "first")
    monkeypatch.setattr(checkout, "PACKAGE", roots[0] / "src")
    monkeypatch.chdir(roots[1] / "src")
    return roots


def test_the_commits_of_both(two: tuple[Path, Path]) -> None:
    assert checkout.commits() == {str(root): git(root, "rev-parse", "HEAD").strip() for root in two}
    assert checkout.changes([root / "src" / "known.py" for root in two]) == ""


def test_an_installed_henkan_has_no_checkout(two: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkout, "PACKAGE", two[1] / ".venv" / "lib" / "site-packages" / "henkan")
    assert list(checkout.commits()) == [str(two[1])]


def test_changes_of_both_and_sources_that_git_does_not_know(two: tuple[Path, Path], tmp_path: Path) -> None:
    framework, mine = two
    (framework / "src" / "known.py").write_text("ONE = 11\n")
    (mine / "src" / "known.py").write_text("ONE = 12\n")
    (mine / ".env").write_text("TOKEN=xyzzy\n")
    (mine / "src" / "new.py").write_text("NEW = 13\n")
    (mine / "src" / "unused.py").write_text("UNUSED = 14\n")
    (mine / "src" / "my_secrets.py").write_text("KEY = 'xyzzy'\n")
    (mine / "src" / "table.py").write_text("X = 'xyzzy'\n" * 20_000)
    (tmp_path / "loose.py").write_text("LOOSE = 15\n")
    used = [mine / "src" / name for name in ("known.py", "new.py", "my_secrets.py", "table.py")]
    found = checkout.changes([framework / "src" / "known.py", *used, tmp_path / "loose.py"])
    added = [line for line in found.splitlines() if line.startswith("+") and not line.startswith("+++")]
    assert added == ["+ONE = 11", "+ONE = 12", "+NEW = 13", "+LOOSE = 15"]
    assert "xyzzy" not in found
    # The diff is one that git can apply.
    git(mine, "stash", "-u")
    (tmp_path / "changes.diff").write_text(found)
    git(mine, "apply", "--include=new.py", str(tmp_path / "changes.diff"))
    assert (mine / "new.py").read_text() == "NEW = 13\n"


def test_changes_are_bounded(two: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkout, "MOST", 300)
    (two[0] / "src" / "known.py").write_text("ONE = 1\n" * 1000)
    found = checkout.changes([])
    assert found.endswith("\n# cut after 300 characters\n")
    assert len(found) == 300 + len("\n# cut after 300 characters\n")


def test_without_git_there_is_nothing_to_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (checkout.commits(), checkout.changes([tmp_path / "mine.py"])) == ({}, "")
