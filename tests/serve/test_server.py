"""The server over real connections: many at once, tabs that close, bodies that are too long."""

from __future__ import annotations

import http.client
import io
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_page import body, noise, page, png
from torch import nn

from henkan.errors import UserError
from henkan.launching.execute import execute
from henkan.serve import server as module
from henkan.serve.answers import BODY, Answer, Answers, Request
from henkan.serve.line import Gone
from henkan.serve.server import Server


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Server, Answers]]:
    answers = page("generator=telea", "most.bytes=200_000")
    with Server(answers, 0) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server, answers
        server.shutdown()


def ask(server: Server, method: str, path: str, content: bytes = b"") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=60)
    connection.request(method, path, content, {"Content-Type": BODY} if content else {})
    answer = connection.getresponse()
    return answer.status, answer.read()


def one(width: int = 20) -> bytes:
    mask = np.zeros((20, width), np.uint8)
    mask[5:9, 5:9] = 255
    return body({"choice": 0}, {"picture": png(noise((20, width, 3))), "mask": png(mask)})


def test_fifty_at_once_of_two_people_are_all_answered(served: tuple[Server, Answers]) -> None:
    server, _ = served
    contents = [one(20), one(24)]
    found: dict[int, tuple[int, bytes]] = {}

    def go(number: int) -> None:
        found[number] = ask(server, "POST", "/make", contents[number % 2])

    threads = [threading.Thread(target=go, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [status for status, _ in found.values()] == [200] * 50
    # Each has what is theirs.
    made = [{found[number][1] for number in range(first, 50, 2)} for first in (0, 1)]
    assert [len(each) for each in made] == [1, 1]
    assert [Image.open(io.BytesIO(*each)).size for each in made] == [(20, 20), (24, 20)]


def test_more_than_may_wait_are_told_so(served: tuple[Server, Answers], monkeypatch: pytest.MonkeyPatch) -> None:
    server, answers = served
    monkeypatch.setattr(answers.line, "places", 1)
    with answers.line.turn(lambda: False):
        status, said = ask(server, "POST", "/make", one())
    assert status == 503 and "wait already" in json.loads(said)["error"]
    assert ask(server, "POST", "/make", one())[0] == 200


@pytest.mark.skipif(not hasattr(module.select, "POLLRDHUP"), reason="this system does not tell who has left")
def test_a_tab_that_is_closed_leaves_the_line(served: tuple[Server, Answers]) -> None:
    server, answers = served
    content = one()
    head = f"POST /make HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {BODY}\r\nContent-Length: {len(content)}\r\n\r\n"
    with answers.line.turn(lambda: False):
        with socket.create_connection(("127.0.0.1", server.server_address[1])) as tab:
            tab.sendall(head.encode() + content)
            until(lambda: len(answers.line) == 2)
        until(lambda: len(answers.line) == 1)
    assert ask(server, "POST", "/make", content)[0] == 200


@pytest.mark.skipif(not hasattr(module.select, "POLLRDHUP"), reason="this system does not tell who has left")
def test_a_tab_that_is_closed_in_mid_run_stops_its_network(
    served: tuple[Server, Answers], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, answers = served
    begun, seen = threading.Event(), []

    class Slow(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(begun.set())
            time.sleep(0.005)
            return x

    class Model:
        generator, takes = nn.Sequential(*(Slow() for _ in range(2000))), frozenset({"mask"})

        def __call__(self, picture: Image.Image, **_: object) -> Image.Image:
            self.generator(torch.zeros(1))
            return picture

    content = one()
    head = f"POST /make HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {BODY}\r\nContent-Length: {len(content)}\r\n\r\n"
    with monkeypatch.context() as patch:
        patch.setattr(answers, "shelf", lambda choice: Model())
        with socket.create_connection(("127.0.0.1", server.server_address[1])) as tab:
            tab.sendall(head.encode() + content)
            assert begun.wait(10)
        until(lambda: len(answers.line) == 0)
        assert 0 < len(seen) < 2000
    assert ask(server, "POST", "/make", content)[0] == 200


def test_a_body_that_ends_too_soon_is_nobody(served: tuple[Server, Answers]) -> None:
    server, answers = served
    with socket.create_connection(("127.0.0.1", server.server_address[1])) as tab:
        tab.sendall(
            f"POST /open HTTP/1.1\r\nHost: localhost\r\nContent-Type: {BODY}\r\nContent-Length: 99\r\n\r\nab".encode()
        )
        tab.shutdown(socket.SHUT_WR)
        assert tab.recv(1) == b""
    until(lambda: len(answers.line) == 0)


def test_a_connection_that_breaks_in_mid_body_is_nobody(
    served: tuple[Server, Answers], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, answers = served
    ended: list[object] = []

    def watched(request: Request) -> Answer:
        try:
            ended.append(answers(request))
        except Gone as gone:
            ended.append(gone)
            raise
        raise AssertionError("somebody was answered")

    monkeypatch.setattr(server, "answers", watched)
    head = f"POST /open HTTP/1.1\r\nHost: localhost\r\nContent-Type: {BODY}\r\nContent-Length: 99\r\n\r\nab"
    with socket.create_connection(("127.0.0.1", server.server_address[1])) as tab:
        tab.sendall(head.encode())
        until(lambda: len(answers.line) == 1)
        # Closed so, a connection is reset.
        tab.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    until(lambda: ended)
    assert isinstance(ended[0], Gone)


def test_what_is_too_long_is_read_away_so_that_the_answer_arrives(served: tuple[Server, Answers]) -> None:
    server, _ = served
    status, said = ask(server, "POST", "/open", bytes(3_000_000))
    assert status == 413 and json.loads(said)["error"].startswith("3 MB are too much")


def test_a_length_must_be_said(served: tuple[Server, Answers]) -> None:
    server, _ = served
    for more in ("Transfer-Encoding: chunked", "Content-Length: -1", "Content-Length: ²"):
        with socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=10) as tab:
            tab.sendall(f"POST /open HTTP/1.1\r\nHost: localhost\r\n{more}\r\n\r\n".encode("latin-1"))
            assert tab.recv(12).endswith(b"411")


def test_the_page_is_served_with_its_policy_at_this_machine_alone(served: tuple[Server, Answers]) -> None:
    server, _ = served
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    connection.request("GET", "/?x=1")
    answer = connection.getresponse()
    assert answer.status == 200 and b"<title>henkan</title>" in answer.read()
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'") and "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["Cache-Control"] == "no-store"
    assert server.server_address[0] == "127.0.0.1" and server.url.startswith("http://127.0.0.1:")
    with pytest.raises(UserError, match=r"port=\d+ cannot be had .*: give another one, or port=0"):
        Server(served[1], server.server_address[1])
    with pytest.raises(UserError, match="port=99999 cannot be had"):
        Server(served[1], 99_999)


def until(holds: object) -> None:
    end = time.monotonic() + 10
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("given", ["kept=0", "places=-1", "most.pixels=0", "most.bytes=many"])
def test_there_is_room_for_something(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute("serve", ["generator=telea", "port=0", given]).code == 2
    assert given in capsys.readouterr().err
