"""SVG files that never end are refused."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from svg_on_disk import INK, write

from henkan.data.svg import read_strokes
from henkan.errors import UserError

CLONES = "".join(f'<g id="l{n + 1}">{f"<use href={chr(34)}#l{n}{chr(34)}/>" * 10}</g>' for n in range(12))
PATTERNS = "".join(
    f'<pattern id="p{n + 1}" width="9" height="9" patternUnits="userSpaceOnUse">'
    + f'<rect width="9" height="9" fill="url(#p{n})"/>' * 10
    + "</pattern>"
    for n in range(12)
)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('<g id="a"><use href="#a"/></g>', "a clone of itself"),
        ('<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>', "a clone of itself"),
        (f'<defs><g id="l0">{INK}</g>{CLONES}</defs><use href="#l12"/>', "over 50000 elements"),
        (f'<pattern id="p0"/>{PATTERNS}<rect width="9" height="9" fill="url(#p12)"/>', "painted elements"),
        ('<pattern id="p" width="9" height="9"><rect width="9" height="9" fill="url(#p)"/></pattern>'
         '<rect width="9" height="9" fill="url(#p)"/>', "#p refers to itself"),
        ('<mask id="m"><g mask="url(#m)"/></mask><rect width="9" height="9" mask="url(#m)"/>', "#m refers to itself"),
        ("<g>" * 5000 + "</g>" * 5000, "over 200 deep"),
        ("<g>" * 500_000 + "</g>" * 500_000, "over 200 deep"),
        ('<path d="M0 0L1e400 1" stroke="#000"/>', "has no end"),
        ('<path d="M0 0L1e400 1V9z"/><rect width="9" height="9" fill="#fea"/>', "has no end"),
        ('<rect width="1e400" height="9"/>', "has no end"),
    ],
    ids=["cycle", "circle", "clones", "patterns", "pattern", "mask", "deep", "deeper", "line", "area", "box"],
)  # fmt: skip
def test_what_never_ends_is_refused_at_once(content: str, reason: str, tmp_path: Path) -> None:
    path = write(tmp_path, content)
    since = time.process_time()
    with pytest.raises(UserError, match=rf"a\.svg is not a readable SVG file \(.*{reason}"):
        read_strokes(path)
    assert time.process_time() - since < 3


def test_entities_that_multiply_are_refused(tmp_path: Path) -> None:
    entities = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(10))
    path = tmp_path / "a.svg"
    path.write_text(
        f'<!DOCTYPE svg [<!ENTITY e0 "ha">{entities}]><svg xmlns="http://www.w3.org/2000/svg"><text>&e10;</text></svg>'
    )
    with pytest.raises(UserError, match="not a readable SVG"):
        read_strokes(path)
