"""Which media queries hold where an SVG file is drawn, and what that changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from svg_on_disk import INK, TARGET, drawn, write

from henkan.data.svg_media import holds

PAGE = (400.0, 300.0)


@pytest.mark.parametrize(
    ("media", "true"),
    [
        ("", True),
        ("all", True),
        ("screen", True),
        ("only Screen", True),
        ("print", False),
        ("not print", True),
        ("not all", False),
        ("print, screen", True),
        ("print,", False),
        ("(prefers-color-scheme: light)", True),
        ("screen and (prefers-color-scheme:dark)", False),
        ("not all and (prefers-color-scheme: dark)", True),
        ("(min-width: 400px)", True),
        ("(min-width: 401px)", False),
        ("(max-width: 5in) and (max-height: 10cm)", True),
        ("(max-height: 299px)", False),
        ("(width: 300pt)", True),
        ("(orientation: landscape)", True),
        ("(orientation: portrait)", False),
        ("(hover: hover)", False),
        ("not all and (hover: hover)", False),
        ("(min-width: 10%)", False),
        ("(width >= 100px)", False),
        ("screen and", False),
        ("%&/", False),
    ],
)
def test_a_query_holds_on_a_light_screen_as_large_as_the_page(media: str, true: bool) -> None:
    assert holds(media, PAGE) is true


@pytest.mark.parametrize(
    ("sheet", "hidden"),
    [
        ("@media screen {.b {fill:#eee}}", True),
        ("@media print {.b {fill:#eee}}", False),
        ("@media (min-width: 90px) {@media (max-width: 100px) {.b {fill:#eee}}}", True),
        ("@media (min-width: 90px) {@media (max-width: 99px) {.b {fill:#eee}}}", False),
        (".b {fill:#eee} @media screen {.b {fill:#000}}", False),
        ("@media screen {.b {fill:#000}} .b {fill:#eee}", True),
        ("@supports (fill: red) {.b {fill:#eee}} @import 'a.css';", False),
        ("@media screen", False),
    ],
)
def test_a_rule_counts_where_its_query_holds(sheet: str, hidden: bool, tmp_path: Path) -> None:
    # resvg reads no @media: its meaning is that of the standard.
    path = write(tmp_path, f"<style>{sheet}</style>{TARGET}{INK}")
    assert drawn(path).mean() == pytest.approx(0.01 + (0 if hidden else 0.36), abs=0.001)


@pytest.mark.parametrize(("media", "hidden"), [("screen", True), ("print", False)])
def test_a_sheet_counts_where_its_own_query_holds(media: str, hidden: bool, tmp_path: Path) -> None:
    path = write(tmp_path, f'<style media="{media}">.b {{fill:#eee}}</style>{TARGET}{INK}')
    assert drawn(path).mean() == pytest.approx(0.01 + (0 if hidden else 0.36), abs=0.001)
