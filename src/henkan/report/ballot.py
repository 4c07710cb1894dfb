"""Which of two pictures is better? A page that asks, on this machine alone or as one file, and who cannot know whose
they are.

The page gets pictures by number and questions by identities that tell nothing; which configurations they are of is
known here alone. It asks nobody else for anything.
"""

from __future__ import annotations

import base64
import json
import secrets
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit

from henkan.errors import UserError
from henkan.files import write_file
from henkan.report.questions import Pair, content
from henkan.report.study import Study
from henkan.report.templates import template
from henkan.report.votes import SHARES, Answer, append

HERE = "127.0.0.1"
# What an answer may be at most, in bytes.
LARGEST_ANSWER = 4096


class Session:
    """The pairs that a page asks about, in order, with their pictures by number."""

    def __init__(self, study: Study, asked: Sequence[Pair], voter: str) -> None:
        self.study, self.voter = study, voter
        self.pairs = {pair.identity: pair for pair in asked}
        self.images: list[Path] = []
        places: dict[Path, int] = {}
        self.asked: list[dict[str, Any]] = []
        for pair in asked:
            numbers = {}
            for role, path in pair.images.items():
                if path not in places:
                    places[path] = len(self.images)
                    self.images.append(path)
                numbers[role] = places[path]
            self.asked.append({"pair": pair.identity, **numbers})

    def page(self, nonce: str, inside: bool) -> str:
        """Return the page; with the pictures `inside` it is for a file, and keeps its answers until they are saved."""
        images: list[str] | int = len(self.images)
        if inside:
            images = [f"data:image/png;base64,{base64.b64encode(content(path)).decode()}" for path in self.images]
        return template("ballot.html.j2").render(
            title=self.study.title,
            nonce=nonce,
            static=inside,
            session={"study": self.study.name, "pairs": self.asked, "images": images},
        )

    def answer(self, said: Any) -> None:
        """Keep an answer of the page. Raises `ValueError` for what is none."""
        name, answer = (said.get(key) for key in ("pair", "answer")) if isinstance(said, dict) else (None, None)
        if not (isinstance(name, str) and isinstance(answer, str) and name in self.pairs and answer in SHARES):
            raise ValueError("no answer to a question of this session")
        append(self.study.folder, [self.pairs[name].vote(cast(Answer, answer), self.voter, now())])


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


class Ballot(ThreadingHTTPServer):
    """Serves a session on this machine alone, to whoever knows its address with the token in it."""

    daemon_threads = True

    def __init__(self, session: Session, port: int = 0) -> None:
        self.session, self.token = session, secrets.token_urlsafe(16)
        try:
            super().__init__((HERE, port), Handler)
        except OSError as error:
            raise UserError(f"port={port} cannot be had: {error.strerror}; port=0 takes a free one") from error

    @property
    def address(self) -> str:
        return f"http://{HERE}:{self.server_port}/{self.token}/"

    @property
    def hosts(self) -> tuple[str, ...]:
        return f"{HERE}:{self.server_port}", f"localhost:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that has gone; anything else is told as ever."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """The page, its pictures by number, and its answers; nothing else is there."""

    # Of one request, so that nobody holds a thread for ever.
    timeout = 30
    server_version = "henkan"
    sys_version = ""
    KINDS: ClassVar[Mapping[str, str]] = {
        "": "text/html; charset=utf-8",
        "png": "image/png",
        "json": "application/json",
    }

    @property
    def ballot(self) -> Ballot:
        return cast(Ballot, self.server)

    def place(self) -> str | None:
        """Return what is asked for, behind the token; None, and an answer, for who does not know that.

        A page of somebody else's whose name has been made to lead here calls this by another name.
        """
        if self.headers.get("Host") not in self.ballot.hosts:
            self.refuse(403)
            return None
        _, token, place = f"{urlsplit(self.path).path}//".split("/", 2)
        if not secrets.compare_digest(token.encode(), self.ballot.token.encode()):
            self.refuse(404)
            return None
        return place.strip("/")

    def do_GET(self) -> None:
        place = self.place()
        if place is None:
            return
        session = self.ballot.session
        if place == "":
            nonce = secrets.token_urlsafe(16)
            self.reply("", session.page(nonce, inside=False).encode(), nonce)
            return
        number = place.removesuffix(".png")
        if place.endswith(".png") and number.isascii() and number.isdecimal() and int(number) < len(session.images):
            self.reply("png", content(session.images[int(number)]))
            return
        self.refuse(404)

    def do_POST(self) -> None:
        place = self.place()
        if place is None:
            return
        length = self.headers.get("Content-Length", "")
        origin = self.headers.get("Origin")
        if place != "answer" or (origin is not None and origin.removeprefix("http://") not in self.ballot.hosts):
            self.refuse(404)
        elif not (length.isascii() and length.isdecimal()) or int(length) > LARGEST_ANSWER:
            self.refuse(413)
        else:
            try:
                self.ballot.session.answer(json.loads(self.rfile.read(int(length))))
            except (ValueError, RecursionError):
                self.refuse(400)
                return
            self.reply("json", b"{}")

    def reply(self, kind: str, body: bytes, nonce: str = "") -> None:
        own = f"'nonce-{nonce}'"
        self.send_response(200)
        for name, value in {
            "Content-Type": self.KINDS[kind],
            "Content-Length": str(len(body)),
            "Content-Security-Policy": f"default-src 'none'; img-src 'self' data:; connect-src 'self'; "
            f"script-src {own}; style-src {own}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, code: int) -> None:
        # What is left unread of a body would be taken for the next request.
        self.close_connection = True
        self.send_error(code)

    def log_message(self, *_: Any) -> None:
        """Nothing: the address of each request has the token."""


def export(study: Study, asked: Sequence[Pair], path: Path) -> None:
    """Write the page as one file, to be sent to somebody; their answers come back as another."""
    write_file(path, Session(study, asked, "").page(secrets.token_urlsafe(16), inside=True))
