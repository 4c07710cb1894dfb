from __future__ import annotations

import time

import pytest

from henkan.progress import Lines, duration, followed


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Set the clock by hand."""
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    return clock


def test_a_line_tells_count_pace_and_time_left(now: list[float]) -> None:
    lines = Lines(7200, "iteration", done=600)
    now[0] += 59.0
    assert lines.at(1100) is None
    now[0] += 1.0
    assert lines.at(1200) == "1,200 of 7,200, 10.0 iterations/s, 10 min left"
    assert lines.at(1201) is None


def test_the_pace_is_of_the_last_lines(now: list[float]) -> None:
    lines = Lines(1000, "picture", every=1.0)
    for done in (1, 2, 3):
        now[0] += 1.0
        assert lines.at(done) == f"{done} of 1,000, 1.0 s/picture, {duration(1000 - done)} left"
    for done in range(13, 113, 10):
        now[0] += 1.0
        lines.at(done)
    now[0] += 1.0
    line = lines.at(113)
    assert line is not None and "10.0 pictures/s" in line, "the slow beginning is forgotten"


def test_where_nothing_was_done_the_line_comes_all_the_same(now: list[float]) -> None:
    now_lines = Lines(10, "picture", done=4)
    now[0] += 60.0
    assert str(now_lines.at(4)).startswith("4 of 10, ")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(45, "45 s"), (60, "1 min"), (540, "9 min"), (12_000, "3 h 20 min"), (183_600, "2 d 3 h")],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_without_a_terminal_what_is_followed_says_a_line_a_minute(
    now: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with followed("scores of test", 200, "picture") as advance:
        for _ in range(150):
            now[0] += 1.0
            advance()
    assert capsys.readouterr().err.splitlines() == [
        "henkan: scores of test: 60 of 200, 1.0 s/picture, 2 min left",
        "henkan: scores of test: 120 of 200, 1.0 s/picture, 1 min left",
    ]
