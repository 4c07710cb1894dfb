"""Which of two pictures is better? A page that asks, on this machine alone or as one file, and who cannot know whose
they are.

The page gets pictures by number and questions by identities that tell nothing; which configurations they are of is
known here alone. It asks nobody else for anything.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import secrets
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit

import numpy as np

from henkan.config.explain import suggestion
from henkan.errors import UserError
from henkan.files import read_json, write_file
from henkan.report.run import Run
from henkan.report.study import Study
from henkan.report.templates import template
from henkan.report.votes import SHARES, Answer, Vote, append, identity_of, question, read_votes

HERE = "127.0.0.1"
# What of a picture a voter, or whoever compares, looks at.
ROLES = ("source", "output", "target")
# What an answer, or a file of answers, may be at most, in bytes.
LARGEST_ANSWER, LARGEST_FILE = 4096, 10_000_000
LONGEST_NAME = 80


@dataclass(frozen=True)
class Pair:
    """Two runs' outputs of one test picture, and what both were shown."""

    picture: str
    seed: int | None
    left: Run
    right: Run
    images: dict[str, Path]
    """`left`, `right`, and `source` where it was kept."""

    @property
    def identity(self) -> str:
        """What names it, sides and all, and tells nothing."""
        content = [self.picture, self.seed, identity_of(self.left), identity_of(self.right)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    def vote(self, answer: Answer, voter: str, time: str) -> Vote:
        return {
            "pair": self.identity,
            "picture": self.picture,
            "seed": self.seed,
            "left": self.left.configuration,
            "right": self.right.configuration,
            "left_run": identity_of(self.left),
            "right_run": identity_of(self.right),
            "answer": answer,
            "voter": voter,
            "time": time,
        }

    def turned(self) -> Pair:
        images = {**self.images, "left": self.images["right"], "right": self.images["left"]}
        return Pair(self.picture, self.seed, self.right, self.left, images)


def pairs(study: Study, configurations: Sequence[str] = ()) -> list[Pair]:
    """Return every pair of two configurations at one point of the axes, on one seed's output of one test picture.

    Raises `UserError` where there is none: unknown configurations, none of which two are done with kept pictures, or
    pictures of other test sets.
    """
    known = list(dict.fromkeys(name for part in study.sections.values() for name in part.configurations))
    for name in configurations:
        if name not in known:
            raise UserError(
                f"there is no configuration {name!r}{suggestion(name, known)}; there are {', '.join(known)}"
            )
    found, met, alike = [], False, False
    for part in study.sections.values():
        names = [name for name in part.configurations if not configurations or name in configurations]
        for seed in part.seeds:
            runs = part.belonging(seed)
            ready = [runs[name] for name in names if name in runs and runs[name].pictures]
            for one, other in itertools.combinations(ready, 2):
                if identity_of(one) == identity_of(other):
                    continue
                met = True
                both = of_two(one, other)
                alike = alike or bool(both)
                found += both
    if found:
        # What trains nothing has one output for all seeds.
        return list({pair.identity: pair for pair in found}.values())
    if not met:
        raise UserError(
            f"study {study.name}: there are no two configurations whose runs are done and have kept pictures "
            "(evaluation.kept says how many)"
        )
    raise UserError(f"study {study.name}: its runs have kept no pictures of the same test set that differ")


def of_two(one: Run, other: Run) -> list[Pair]:
    """Return the pairs of two runs: of pictures of the same name and truth, whose outputs differ."""
    seed = one.seed if one.seed is not None else other.seed
    numbers = {name: number for number, name in enumerate(other.picture_names)}
    found = []
    for number, name in enumerate(one.picture_names):
        there = numbers.get(name, -1)
        mine = {role: path for role in ROLES if (path := one.picture(number, role)) is not None}
        theirs = {role: path for role in ROLES if (path := other.picture(there, role)) is not None}
        if not all("output" in roles and "target" in roles for roles in (mine, theirs)):
            continue
        if content(mine["target"]) == content(theirs["target"]) and content(mine["output"]) != content(
            theirs["output"]
        ):
            images = {"left": mine["output"], "right": theirs["output"]}
            if "source" in mine:
                images["source"] = mine["source"]
            found.append(Pair(name, seed, one, other, images))
    return found


def content(path: Path) -> bytes:
    return path.read_bytes()


def drawn(found: Sequence[Pair], seed: int, voter: str) -> list[Pair]:
    """Return the pairs in an order, and with sides, that chance has chosen: for each voter and seed the same."""
    digest = hashlib.sha256(json.dumps([seed, voter]).encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8]))
    order = sorted(found, key=lambda pair: (pair.picture, pair.seed or 0, pair.left.configuration, pair.identity))
    sides = rng.integers(0, 2, len(order))
    sided = [pair.turned() if side else pair for pair, side in zip(order, sides, strict=True)]
    return [sided[place] for place in rng.permutation(len(sided))]


def left_to_ask(found: Sequence[Pair], votes: Iterable[Vote], voter: str) -> list[Pair]:
    """Return the pairs that this voter has not answered, whichever side was left."""
    asked = {question(vote) for vote in votes if vote["voter"] == voter}
    runs = [(pair, frozenset((identity_of(pair.left), identity_of(pair.right)))) for pair in found]
    return [pair for pair, both in runs if (pair.picture, pair.seed, both) not in asked]


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
        images = [f"data:image/png;base64,{base64.b64encode(content(path)).decode()}" for path in self.images]
        return template("ballot.html.j2").render(
            title=self.study.title,
            nonce=nonce,
            static=inside,
            session={"study": self.study.name, "pairs": self.asked, "images": images if inside else len(self.images)},
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


def imported(study: Study, path: Path) -> tuple[int, int]:
    """Add the answers of a file that the page has saved; return how many were new, and how many there are.

    Raises `UserError` for a file that is none, or that is about other runs.
    """
    if path.is_file() and path.stat().st_size > LARGEST_FILE:
        raise UserError(f"{path} is no file of answers: it is larger than {LARGEST_FILE // 10**6} MB")
    said = read_json(path, "the page saves its answers again", dict)
    voter, answers = said.get("voter"), said.get("answers")
    if not isinstance(voter, str) or not isinstance(answers, list) or "study" not in said:
        raise UserError(f"{path} is no file of answers: it says no study, voter and answers")
    if said["study"] != study.name:
        raise UserError(f"{path} is about the study {said['study']!r}, not {study.name}")
    voter = named(voter)
    known = {pair.identity: pair for both in pairs(study) for pair in (both, both.turned())}
    asked = read_votes(study.folder)
    votes: list[Vote] = []
    for number, one in enumerate(answers, 1):
        fits = isinstance(one, dict) and all(isinstance(one.get(key), str) for key in ("pair", "answer", "time"))
        if not fits or one["answer"] not in SHARES or not is_time(one["time"]):
            raise UserError(f"{path}: answer {number} is none: it needs pair, answer ({', '.join(SHARES)}) and time")
        if one["pair"] not in known:
            raise UserError(
                f"{path}: answer {number} is about runs that study {study.name} does not have, or no longer"
            )
        votes.append(known[one["pair"]].vote(one["answer"], voter, one["time"]))
    there = {(vote["voter"], vote["pair"], vote["time"]) for vote in asked}
    fresh = [vote for vote in votes if (vote["voter"], vote["pair"], vote["time"]) not in there]
    append(study.folder, fresh)
    return len(fresh), len(votes)


def named(voter: str) -> str:
    """Return a voter's name. Raises `UserError` for what is none."""
    name = voter.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise UserError(f"voter={voter!r} must be a name of 1 to {LONGEST_NAME} characters")
    return name


def is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
