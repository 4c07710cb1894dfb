"""What the page is answered: which requests there are, who may send them, and what comes back."""

from __future__ import annotations

import io
import json
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np
from omegaconf import DictConfig, OmegaConf
from PIL import Image

from henkan.config.explain import explain
from henkan.data.notices import readable
from henkan.errors import UserError
from henkan.prediction.model import Model
from henkan.prediction.removal import grown, object_in
from henkan.pretrained import weights
from henkan.pretrained.saliency import Saliency
from henkan.serve.choices import Choice, Shelf, chosen
from henkan.serve.examples import example
from henkan.serve.line import Busy, Gone, Line, stopping
from henkan.serve.places import located, runs_in
from henkan.serve.uploads import Upload, parse

# Nothing but what this server sends is loaded, and no other page may show this one in itself.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
PAGE = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    **{
        f"/{name}.js": (f"{name}.js", "text/javascript")
        for name in ("state", "asking", "layers", "nearer", "drawing", "results", "page")
    },
}
# No form of another page can send this type without asking first.
BODY = "application/octet-stream"
# The names that this machine has for itself. Another one that leads here is a page that has rebound its own.
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SALIENCY = "u2netp.onnx"
# What is selected is made wider by this share of the picture's longer side: the light around an object is its own.
RIM = 0.008
# What some networks of a task have no use for.
FORGONE = {"points": "colors", "scribble": "colors", "style": "style"}
# What the hole of an object grows by at most, and what fills it is mixed over, in pixels.
EDGE = 200
# Networks and methods at once.
OFFERED = 500
# How well PNGs are packed: 9 takes ten times as long.
PACKED = 3


@dataclass(frozen=True)
class Request:
    """What was asked: `headers` have names in lower case, `read` returns the body of `length` bytes, `gone` whether
    nobody waits for the answer any more."""

    method: str
    path: str
    headers: Mapping[str, str]
    length: int = 0
    read: Callable[[], bytes] = bytes
    gone: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Answer:
    status: int
    kind: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """A request that is not served: the status, and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Answers:
    """Answers requests, from any number of threads; networks work on one at a time."""

    def __init__(self, cfg: DictConfig, offered: Sequence[Choice], shelf: Shelf, shared: tuple[str, ...] = ()) -> None:
        self.cfg, self.offered, self.shelf, self.shared = cfg, list(offered), shelf, shared
        self.line = Line(cfg.places)
        self.examples: dict[str, Answer] = {}

    def __call__(self, request: Request) -> Answer:
        """Return the answer, errors in one line of JSON. Raises `Gone` where nobody waits for it any more."""
        try:
            check_origin(request)
            return self.got(request) if request.method == "GET" else self.posted(request)
        except Refused as error:
            return failed(error.status, str(error))
        except Busy:
            return failed(503, f"{self.cfg.places} wait already: try again in a moment")
        except Gone:
            raise
        except Exception as error:
            # One picture's failure must not end the page for the others.
            line, _ = explain(error, "predict", ())
            if line is None:
                traceback.print_exc(file=sys.stderr)
                return failed(500, f"this failed ({type(error).__name__}); the terminal says more")
            return failed(400, line)

    def got(self, request: Request) -> Answer:
        if request.path in PAGE:
            name, kind = PAGE[request.path]
            return Answer(200, f"{kind}; charset=utf-8", (files("henkan.serve") / "page" / name).read_bytes())
        if request.path == "/offer.json":
            return as_json(200, self.offer)
        if request.path == "/runs.json":
            return as_json(200, runs_in(Path(self.cfg.paths.runs)))
        if request.path.startswith("/example/"):
            task = request.path.removeprefix("/example/").removesuffix(".png")
            if task in self.offer["tasks"] and self.offer["tasks"][task]["example"]:
                return self.example(task)
        raise Refused(404, "there is nothing here")

    def posted(self, request: Request) -> Answer:
        serve = {
            "/add": self.added,
            "/open": self.opened,
            "/select": self.selected,
            "/make": self.made,
        }.get(request.path)
        if request.method != "POST" or serve is None:
            raise Refused(405 if request.method != "POST" else 404, "there is nothing here")
        if request.headers.get("content-type") != BODY:
            raise Refused(415, f"only {BODY} is taken")
        if request.length > self.cfg.most.bytes:
            most = f"{self.cfg.most.bytes / 1e6:.0f} MB are taken (most.bytes=…)"
            raise Refused(413, f"{request.length / 1e6:.0f} MB are too much: {most}")
        # Read in turn, so that no more than one body is in memory.
        with self.line.turn(request.gone):
            return serve(parse(request.read()), request.gone)

    @property
    def offer(self) -> dict[str, Any]:
        """What the page is told first: tasks, in the order of the config, with what there is for each."""
        tasks: dict[str, Any] = {}
        here = {choice.task for choice in self.offered}
        for name in [*(str(task) for task in self.cfg.tasks), *sorted(here - set(self.cfg.tasks))]:
            if name not in here:
                continue
            own = self.cfg.tasks.get(name) or {}
            shown = own.get("example")
            tasks[name] = {
                "title": own.get("title", name.replace("_", " ")),
                "styled": own.get("styled", False),
                "tools": [
                    tool for tool in own.get("tools", ()) if tool != "box" or weights.there(SALIENCY) is not None
                ],
                "live": own.get("live", 384),
                "example": None if shown is None else plain(shown),
                "choices": [
                    {"id": number, "name": choice.name, "learned": choice.place is not None, "asked": choice.asked}
                    for number, choice in enumerate(self.offered)
                    if choice.task == name
                ],
            }
        most = {"bytes": self.cfg.most.bytes, "pixels": self.cfg.most.pixels, "edge": EDGE}
        return {"tasks": tasks, "most": most, "grow": self.cfg.grow, "feather": self.cfg.feather}

    def example(self, task: str) -> Answer:
        """Return the picture of a task to begin with, which is made once."""
        if task not in self.examples:
            own = self.cfg.tasks[task].example
            self.examples[task] = as_png(example(own.picture, own.side, own.get("made")))
        return self.examples[task]

    def warm(self) -> None:
        """Load what is offered, as much as is kept, so that the first who asks need not wait; errors wait for them.

        While the line is full nothing is: those who wait have what they want loaded themselves.
        """
        for choice in self.offered[: self.cfg.kept]:
            with suppress(Busy, UserError), self.line.turn(lambda: False):
                self.shelf(choice)

    def added(self, upload: Upload, gone: Callable[[], bool]) -> Answer:
        """Offer a run, a file or a network of the zoo that a person has named; return the offer, and its number."""
        place = located(upload.words("place"), Path(self.cfg.paths.runs))
        number = next((k for k, choice in enumerate(self.offered) if choice.place == place), None)
        if number is None:
            if len(self.offered) >= OFFERED:
                raise UserError(f"{OFFERED} networks are offered already: start henkan serve again")
            self.offered.append(chosen(place, self.shared, self.shelf))
            number = len(self.offered) - 1
        return as_json(200, {"choice": number, "task": self.offered[number].task, "offer": self.offer})

    def opened(self, upload: Upload, gone: Callable[[], bool]) -> Answer:
        """Return a file as a picture that every browser shows: upright, sRGB, PNG."""
        return as_png(upload.picture("picture", self.cfg.most.pixels))

    def selected(self, upload: Upload, gone: Callable[[], bool]) -> Answer:
        """Return where the object in a box is, white on black."""
        pixels = np.asarray(upload.picture("picture", self.cfg.most.pixels))
        found = object_in(pixels, upload.whole_numbers("box", 4), self.saliency, upload.name)
        mask = grown(found, max(2, round(RIM * max(found.shape))))
        return as_png(Image.fromarray(mask.astype(np.uint8) * 255))

    @cached_property
    def saliency(self) -> Saliency:
        return Saliency(SALIENCY)

    def made(self, upload: Upload, gone: Callable[[], bool]) -> Answer:
        """Return what a network or method makes of a picture and of what was drawn beside it."""
        number, most = upload.facts.get("choice"), self.cfg.most.pixels
        if type(number) is not int or not 0 <= number < len(self.offered):
            raise UserError("this network is not offered any more: load the page again")
        picture = upload.picture("picture", most)
        given: dict[str, Any] = {}
        options: dict[str, Any] = {}
        if "mask" in upload.files:
            given["mask"] = upload.picture("mask", most).convert("L")
            options = {key: upload.whole_number(key, EDGE) for key in ("grow", "feather") if key in upload.facts}
        if "style" in upload.files:
            given["style"] = upload.picture("style", most)
        for key in ("scribble", "strokes"):
            if key in upload.files:
                given[key] = upload.layer(key, most)
        if (points := upload.points()) is not None:
            given["points"] = points
        model = self.shelf(self.offered[number])
        given, left_out = taken(model, given)
        before = time.perf_counter()
        with stopping(model.generator, gone):
            found = model(picture, **given, **options)
        facts = {"X-Seconds": f"{time.perf_counter() - before:.3f}"}
        if left_out is not None:
            facts["X-Note"] = quote(left_out)
        return as_png(found, facts)


def taken(model: Model, given: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Return of what was given what a network has a use for, and what to say of the rest.

    Colors that one network heeds and another does not are no reason not to compare them.
    """
    found = {key: value for key, value in given.items() if key not in FORGONE and key in model.takes}
    left_out: set[str] = set()
    for key in given.keys() & FORGONE.keys():
        try:
            model.prepared({key: given[key]}, {})
            found[key] = given[key]
        except UserError:
            left_out.add(FORGONE[key])
    return found, f"takes no {' and no '.join(sorted(left_out))}" if left_out else None


def check_origin(request: Request) -> None:
    """Raise `Refused` for what no page of this server sends: other hosts' names, other pages' requests."""
    host = request.headers.get("host", "")
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        name = None
    if name not in LOOPBACK:
        raise Refused(403, "this page is called by http://127.0.0.1 or http://localhost")
    if request.headers.get("origin", f"http://{host}") != f"http://{host}":
        raise Refused(403, "another page may not ask this one")
    if request.method != "GET" and request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise Refused(403, "another page may not ask this one")


def as_png(image: Image.Image, headers: Mapping[str, str] | None = None) -> Answer:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=PACKED)
    return Answer(200, "image/png", file.getvalue(), headers or {})


def as_json(status: int, value: Any) -> Answer:
    return Answer(status, "application/json", json.dumps(value).encode())


def failed(status: int, line: str) -> Answer:
    return as_json(status, {"error": readable(line)})


def plain(node: Any) -> Any:
    """Return a config's node as plain values."""
    return OmegaConf.to_container(node, resolve=True)
