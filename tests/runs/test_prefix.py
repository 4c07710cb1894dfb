"""Claims on shared prefixes: one trains, others wait, and a process that has died holds nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from henkan.runs.prefix import Claims, absent, folder

PREFIXES = {6: "a" * 64, 10: "b" * 64}


def offer(runs: Path, end: int) -> None:
    place = folder(runs, PREFIXES[end])
    place.mkdir(parents=True, exist_ok=True)
    (place / "boundary.ckpt").touch()


def test_what_nobody_trains_is_claimed(tmp_path: Path) -> None:
    claims = Claims(tmp_path)
    assert claims.await_longest(PREFIXES) is None
    assert list(claims.held) == list(PREFIXES.values())
    assert not Claims(tmp_path).claim(PREFIXES[6])
    claims.release(PREFIXES[6])
    assert Claims(tmp_path).claim(PREFIXES[6])
    claims.release()
    assert claims.held == {}


def test_what_is_there_is_neither_claimed_nor_awaited(tmp_path: Path) -> None:
    offer(tmp_path, 10)
    assert absent(tmp_path, PREFIXES) == {}
    claims = Claims(tmp_path)
    assert claims.await_longest(PREFIXES) == folder(tmp_path, PREFIXES[10])
    assert claims.held == {}


def test_one_waits_for_what_another_trains_and_goes_on_from_there(tmp_path: Path) -> None:
    first, second = Claims(tmp_path), Claims(tmp_path)
    first.await_longest(PREFIXES)
    found: list[Path | None] = []
    # The second shares the first boundary only.
    other = {6: PREFIXES[6], 10: "c" * 64}
    waiting = threading.Thread(target=lambda: found.append(second.await_longest(other)), daemon=True)
    waiting.start()
    waiting.join(0.3)
    assert found == []
    offer(tmp_path, 6)
    first.release(PREFIXES[6])
    waiting.join(10)
    assert found == [folder(tmp_path, PREFIXES[6])]
    assert list(second.held) == ["c" * 64]
    assert list(first.held) == [PREFIXES[10]]


def test_the_claim_of_a_killed_process_is_free(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from henkan.runs.prefix import Claims\n"
    script += f"claims = Claims(Path({str(tmp_path)!r})); claims.await_longest({PREFIXES!r})\n"
    script += "print('claimed', flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", script], text=True, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout.readline() == "claimed\n"
        assert not Claims(tmp_path).claim(PREFIXES[6])
        process.kill()
    assert Claims(tmp_path).await_longest(PREFIXES) is None
