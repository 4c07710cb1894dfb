"""The page of a study is written by a process, once at a time, and now and then."""

from __future__ import annotations

from pathlib import Path

import pytest

from henkan.sweeps import refresher
from henkan.sweeps.refresher import LOG, Refresher


class Written:
    """A process that ends when it is told to."""

    def __init__(self) -> None:
        self.code: int | None = None
        self.error: str | None = None

    def poll(self) -> int | None:
        return self.code


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock = [100.0]
    monkeypatch.setattr(refresher.time, "monotonic", lambda: clock[0])
    return clock


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Written]:
    begun: list[Written] = []

    def start(_: object, argv: list[str], log: Path) -> Written:
        assert argv[:2] == ["report", "--page"] and log.name == LOG
        log.touch()
        begun.append(Written())
        return begun[-1]

    monkeypatch.setattr(refresher.WarmProcesses, "start", start)
    return begun


def test_the_page_is_written_at_most_once_a_minute(tmp_path: Path, now: list[float], started: list[Written]) -> None:
    with Refresher(tmp_path) as page:
        page.tick()
        assert started == []
        # The first run has ended: at once.
        page.ask()
        assert len(started) == 1
        started[0].code = 0
        now[0] += 59
        page.ask()
        page.ask()
        assert len(started) == 1 and not (tmp_path / LOG).exists()
        now[0] += 1
        page.tick()
        assert len(started) == 2
        # What is new while it is written is written afterwards, by nobody beside it.
        now[0] += 100
        page.ask()
        assert len(started) == 2
        started[1].code = 0
        page.tick()
        assert len(started) == 3
        started[2].code = 0
        now[0] += 100
        page.tick()
        assert len(started) == 3


def test_a_page_that_cannot_be_written_is_said_and_stops_nothing(
    tmp_path: Path, now: list[float], started: list[Written], capsys: pytest.CaptureFixture[str]
) -> None:
    with Refresher(tmp_path) as page:
        page.ask()
        started[0].code, started[0].error = 1, "MemoryError"
        page.tick()
        assert capsys.readouterr().err == f"henkan: the report was not written: MemoryError ({tmp_path / LOG})\n"
        now[0] += 60
        page.ask()
        assert len(started) == 2
    # The one that writes yet is ended, and leaves nothing.
    assert list(tmp_path.iterdir()) == []
