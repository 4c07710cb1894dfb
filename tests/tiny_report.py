"""A report as a browser reads it, and a study that changes under it."""

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

MakeStudy = Callable[..., Path]
FETCHING = ("src", "href", "srcset", "poster", "data", "action", "xlink:href")
VOID = {"meta", "link", "img", "input", "br", "path", "use", "rect"}


class Page(HTMLParser):
    """Collects what a page would fetch, what it links, and its text but for the contents.

    Fails on tags that do not close.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.pictures: list[str] = []
        self.feed(html)
        assert self.open == []
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for key, value in attrs:
            assert value is not None or key in ("open", "checked", "hidden")
            if tag == "a" and key == "href" and not str(value).startswith("#"):
                self.links.append(str(value))
            elif key in ("src", "href", "srcset", "poster", "data", "action", "xlink:href") and not str(
                value
            ).startswith("#"):
                self.fetched.append(str(value))
            if key == "id":
                self.ids.append(str(value))
            if tag == "img" and key == "alt" and value:
                self.pictures.append(str(value))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or (self.open[-1] not in ("style", "script") and "nav" not in self.open):
            self.words.append(data)


def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def change(folder: Path, **entries: object) -> None:
    path = folder / "study.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def set_status(folder: Path, run: int, status: str) -> Path:
    runs = json.loads((folder / "study.json").read_text())["runs"]
    runs[run]["status"] = status
    change(folder, runs=runs)
    return folder / runs[run]["folder"]
