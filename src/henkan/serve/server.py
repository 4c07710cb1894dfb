"""The server of the page, at this machine's own address alone: HTTP by the standard library, one thread a request."""

from __future__ import annotations

import select
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore
from typing import Any

from henkan.errors import UserError
from henkan.serve.answers import HEADERS, Answer, Request, failed
from henkan.serve.line import Gone

ADDRESS = "127.0.0.1"
# Connections at once; more are closed unheard.
CONNECTIONS = 128
# Seconds for which a browser may say nothing while it sends, or reads.
PATIENCE = 30.0
# Bytes of a body that was refused which are read all the same, since a browser reads the answer after it has sent.
DRAINED = 1 << 28


class Server(ThreadingHTTPServer):
    """Serves what `answers` returns. `port` 0 is one that is free. Raises `UserError` for one that is taken."""

    daemon_threads = True
    request_queue_size = CONNECTIONS

    def __init__(self, answers: Callable[[Request], Answer], port: int) -> None:
        self.answers = answers
        self._room = BoundedSemaphore(CONNECTIONS)
        try:
            super().__init__((ADDRESS, port), Handler)
        except (OSError, OverflowError, TypeError) as error:
            raise UserError(
                f"port={port} cannot be had ({error}): give another one, or port=0 for one that is free"
            ) from error

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.server_address[1]}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: what fails in a connection is that its browser has left."""


class Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = PATIENCE
    server_version, sys_version = "henkan", ""

    def do_GET(self) -> None:
        self.serve()

    def do_POST(self) -> None:
        self.serve()

    def serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or "Transfer-Encoding" in self.headers:
            self.send(failed(411, "the length of what is sent must be said"))
            return
        unread = int(length)

        def read() -> bytes:
            nonlocal unread
            try:
                body = self.rfile.read(unread)
            except OSError as error:
                # The tab was closed, or says nothing for too long.
                raise Gone from error
            if len(body) < unread:
                raise Gone
            unread = 0
            return body

        headers = {name.lower(): value for name, value in self.headers.items()}
        path = self.path.partition("?")[0]
        try:
            answer = self.server.answers(Request(self.command, path, headers, unread, read, self.gone))
            self.send(answer)
            self.drain(unread)
        except (Gone, OSError):
            # The tab was closed: nobody is there to be told.
            self.close_connection = True

    def send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        fixed = {"Content-Type": answer.kind, "Content-Length": str(len(answer.body)), "Connection": "close"}
        for name, value in {**HEADERS, **fixed, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def drain(self, unread: int) -> None:
        """Read what is left of a body that was refused, up to `DRAINED` bytes, and forget it."""
        left = min(unread, DRAINED)
        while left > 0 and (part := self.rfile.read(min(left, 1 << 16))):
            left -= len(part)

    def gone(self) -> bool:
        """Whether the browser has closed the connection, as far as this system tells."""
        hung_up = getattr(select, "POLLRDHUP", 0)
        if not hung_up:
            return False
        poll = select.poll()
        poll.register(self.connection, hung_up)
        try:
            return bool(poll.poll(0))
        except (OSError, ValueError):
            return True

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing: what people do with their pictures is theirs."""
