"""The tree of an SVG file: its elements, what kind they are, and what they refer to."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from henkan.data.svg_limits import BYTES, DEPTH

# Bytes that are parsed at once.
PIECE = 2**16

NAMESPACE = "http://www.w3.org/2000/svg"
HREF = "{http://www.w3.org/1999/xlink}href"
SHAPES = frozenset({"path", "rect", "circle", "ellipse", "line", "polyline", "polygon"})
GROUPS = frozenset({"svg", "g", "a", "switch"})
# Drawn only where something refers to them.
SERVERS = frozenset({"linearGradient", "radialGradient", "pattern", "clipPath", "mask", "marker", "filter"})

REFERRING = frozenset({"linearGradient", "radialGradient", "pattern", "textPath", "filter"})


def read_tree(path: Path) -> Element:
    """Return the root of an SVG file, packed or not. Raises `ParseError` or `ValueError` for what is none."""
    with path.open("rb") as file:
        content = file.read(BYTES + 1)
    if content[:2] == b"\x1f\x8b":
        try:
            with gzip.open(path) as unpacked:
                content = unpacked.read(BYTES + 1)
        except (EOFError, zlib.error) as error:
            raise ValueError("it cannot be unpacked") from error
    if len(content) > BYTES:
        raise ValueError(f"over {BYTES >> 20} MiB")
    return parsed(content)


def parsed(content: bytes) -> Element:
    """Return the root of an XML file, which must be an <svg>; refuses what lies too deep before anything descends."""
    parser: Any = XMLPullParser(("start", "end"))
    root: Element | None = None
    depth = 0
    for begin in range(0, len(content) + 1, PIECE):
        parser.feed(content[begin : begin + PIECE])
        if begin + PIECE > len(content):
            parser.close()
        for event, element in parser.read_events():
            root = element if root is None else root
            depth += 1 if event == "start" else -1
            if depth > DEPTH:
                raise ValueError(f"elements lie over {DEPTH} deep in each other")
    if root is None or kind(root) != "svg":
        raise ParseError("no element <svg>")
    return root


def kind(element: Element) -> str:
    """Return the name of an SVG element, and nothing for elements of other kinds of files."""
    space, _, name = element.tag.rpartition("}")
    return name if space in ("", "{" + NAMESPACE) else ""


def href(element: Element) -> str:
    """Return what an element refers to."""
    return (element.get("href") or element.get(HREF) or "").strip()


def chosen(switch: Element) -> Sequence[Element]:
    """Return the child of a <switch> that is drawn, the first one that asks for nothing but English."""
    for child in switch:
        languages = child.get("systemLanguage")
        speaks = languages is None or any(word.strip().startswith("en") for word in languages.split(","))
        if kind(child) and speaks and "requiredExtensions" not in child.attrib:
            return [child]
    return []
