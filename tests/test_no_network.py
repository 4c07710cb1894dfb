"""No test, and no process that a test starts, reaches beyond this machine."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

# Reserved for documentation: nobody is there.
ELSEWHERE = ("192.0.2.1", 9)
REFUSED = "a test tried to reach 192.0.2.1"


def test_this_process() -> None:
    with pytest.raises(OSError, match=REFUSED):
        socket.create_connection(ELSEWHERE, timeout=1)
    with socket.socket() as one, pytest.raises(OSError, match=REFUSED):
        one.connect_ex(ELSEWHERE)


def test_a_process_that_a_test_starts() -> None:
    script = f"import socket; socket.create_connection({ELSEWHERE!r}, timeout=1)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert REFUSED in done.stderr


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_process_of_multiprocessing(method: str, tmp_path: Path) -> None:
    script = f"""
import multiprocessing, socket

def reach(pipe):
    try:
        socket.create_connection({ELSEWHERE!r}, timeout=1)
    except OSError as error:
        pipe.send(str(error))

if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    receiver, sender = context.Pipe(duplex=False)
    context.Process(target=reach, args=(sender,)).start()
    print(receiver.recv())
"""
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == REFUSED, done.stderr


def test_this_machine_can_be_reached() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    with server, socket.create_connection(server.getsockname(), timeout=5) as reached:
        assert reached.getpeername() == server.getsockname()
