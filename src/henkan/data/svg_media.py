"""Which media queries of CSS hold where an SVG file is drawn: on a light screen that is as large as its page."""

from __future__ import annotations

import re

from henkan.data.svg_lengths import FONT_SIZE, Area, length

QUERY = re.compile(r"(?:(?:(not|only)\s+)?([-a-z]+)(?:\s+and\s+|$))?(.*)", re.DOTALL)
FEATURE = re.compile(r"\(\s*([-a-z]+)\s*(?::\s*([^()]*?)\s*)?\)")
AND = re.compile(r"\s+and\s+")
MEDIA = ("all", "screen")


def holds(media: str, page: Area) -> bool:
    """Whether one of several queries, between commas, holds on a page of this size in pixels; no query always does."""
    return not media.strip() or any(_holds(query.strip().lower(), page) for query in media.split(","))


def _holds(query: str, page: Area) -> bool:
    found = QUERY.fullmatch(query)
    assert found is not None
    word, medium, rest = found.groups()
    features = [_feature(part, page) for part in AND.split(rest)] if rest else []
    # What is not known is not said to be false either.
    if None in features or not query:
        return False
    return ((medium or "all") in MEDIA and all(features)) != (word == "not")


def _feature(text: str, page: Area) -> bool | None:
    """Whether a feature is that of the page; None: not known here."""
    found = FEATURE.fullmatch(text)
    if found is None:
        return None
    name, value = found[1], found[2] or ""
    if name == "prefers-color-scheme":
        return value in ("", "light")
    if name == "orientation":
        return value == ("portrait" if page[1] >= page[0] else "landscape")
    bound, _, side = name.rpartition("-")
    limit = length(value, 0.0, FONT_SIZE, None)
    if side not in ("width", "height") or bound not in ("", "min", "max") or limit is None or value.endswith("%"):
        return None
    own = page[0] if side == "width" else page[1]
    return own >= limit if bound == "min" else own <= limit if bound == "max" else own == limit
