"""What CSS says in SVG files, where resvg cannot tell."""

from __future__ import annotations

from pathlib import Path

import pytest
from svg_on_disk import TARGET, drawn, write

from henkan.data.svg_resolver import read_document


def test_a_variable_is_what_it_was_set_to(tmp_path: Path) -> None:
    # resvg knows none: their meaning is that of the standard.
    style = "<style>svg {--ink:#eee} .b {fill:var(--ink)} .c {fill:var(--no, #000)}</style>"
    path = write(tmp_path, f'{style}{TARGET}<rect class="c" x="80" y="80" width="10" height="10"/>')
    assert drawn(path).mean() == pytest.approx(0.01, abs=0.0005)


def test_styles_are_those_of_where_something_is_used(tmp_path: Path) -> None:
    content = '<style>.x {fill: red}</style><defs><rect id="r" width="9" height="9" stroke="currentColor"/></defs>'
    document = read_document(
        write(tmp_path, f'{content}<g class="x" color="blue"><use href="#r"/></g><use href="#r"/>')
    )
    assert [(shape.fill, shape.stroke) for shape in document.shapes] == [("red", "blue"), ("#000", "#000")]
