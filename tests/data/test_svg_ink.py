"""SVG files as they are drawn: what hides what, what is not drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from svg_on_disk import COVER, DISC, INK, TARGET, WHITE, drawn, rendered, write, wrong

from henkan.data.svg import read_strokes
from henkan.errors import UserError

LIGHT = '<linearGradient id="g"><stop stop-color="#fff"/><stop offset="1" stop-color="#ffe"/></linearGradient>'
TILE = 'width="10" height="10" patternUnits="userSpaceOnUse"'
DOTS = f'<pattern id="p" {TILE}><circle cx="5" cy="5" r="5" fill="#fed"/></pattern>'
LOWER = '<clipPath id="c"><rect y="50" width="100" height="50"/></clipPath>'
INHERIT, CURRENT = 'style="fill:inherit"', 'fill="currentColor"'
# What is drawn, and the share of the page that is dark in it.
DRAWINGS = {
    "a light disc on a dark one": (
        '<circle cx="50" cy="50" r="40"/><circle cx="50" cy="50" r="30" fill="#fff"/>'
        '<circle cx="40" cy="40" r="5"/><circle cx="60" cy="40" r="5"/>',
        DISC * (40**2 - 30**2 + 2 * 5**2),
    ),
    "color over an outline": (
        '<circle cx="40" cy="50" r="30" fill="none" stroke="#000" stroke-width="4"/>'
        '<rect x="40" width="60" height="100" fill="#fa0"/>',
        DISC * (32**2 - 28**2) / 2,
    ),
    "a light line on a dark one": (
        '<path d="M0 50H100" stroke="#000" stroke-width="20"/><path d="M0 50H100" stroke="#fff" stroke-width="12"/>',
        0.08,
    ),
    "a light gradient": (LIGHT + COVER.format('fill="url(#g)"') + INK, 0.01),
    "a light pattern": (DOTS + COVER.format('fill="url(#p)"') + INK, 0.01),
    "a dark gradient": (LIGHT.replace("#fff", "#000").replace("#ffe", "#111") + COVER.format('fill="url(#g)"'), 0.64),
    "opacity of a shape": (COVER.format('style="opacity:.1"') + INK, 0.01),
    "opacity of a group": (f'<g opacity="0.3">{COVER.format("")}</g>{INK}', 0.01),
    "opacities of groups": (f'<g opacity=".7"><g opacity=".7">{COVER.format("")}</g></g>{INK}', 0.01),
    "a translucent color": (COVER.format('fill="rgba(0,0,0,.2)"') + INK, 0.01),
    "a translucent cover": (INK + '<rect width="100" height="100" fill="#fff" opacity=".2"/>', 0.01),
    "no color": (COVER.format('fill="transparent"') + INK, 0.01),
    "descendants": (f"<style>.a .b {{fill:#eee}}</style>{TARGET}{INK}", 0.01),
    "children": (f"<style>.a > .b {{fill:#000}} g > .b {{fill:#eee}}</style>{TARGET}{INK}", 0.01),
    "what is important": (f"<style>.b {{fill:#eee !important}} rect.b {{fill:#000}}</style>{TARGET}{INK}", 0.01),
    "important in the style": ("<style>rect {fill:#000}</style>" + COVER.format('style="fill:#eee"') + INK, 0.01),
    "a sheet after the shapes": (f"{TARGET}{INK}<style><![CDATA[/* late */ .b {{fill:#eee}}]]></style>", 0.01),
    "several selectors": (f"<style>q, #x, .b {{fill:#eee}}</style>{TARGET}{INK}", 0.01),
    "what is inherited": (f'<g fill="#eee">{COVER.format(INHERIT)}</g>{INK}', 0.01),
    "the current color": (f'<g color="#eee">{COVER.format(CURRENT)}</g>{INK}', 0.01),
    "a mask outside of definitions": (f'<mask id="m">{COVER.format("")}</mask>{INK}', 0.01),
    "a symbol outside of definitions": (f'<symbol id="s">{COVER.format("")}</symbol>{INK}', 0.01),
    "a pattern outside of definitions": (f'<pattern id="p">{COVER.format("")}</pattern>{INK}', 0.01),
    "a marker outside of definitions": (f'<marker id="m">{COVER.format("")}</marker>{INK}', 0.01),
    "a clip of an area": (LOWER + COVER.format('clip-path="url(#c)"'), 0.8 * 0.3),
    "a clip of a line": (LOWER + '<path d="M50 0V100" stroke="#000" stroke-width="10" clip-path="url(#c)"/>', 0.05),
    "a clip of a group": (f'{LOWER}<g style="clip-path:url(#c)"><g>{COVER.format("")}</g></g>', 0.8 * 0.3),
    "a clip by a clone": (
        '<rect id="r" y="50" width="100" height="50" fill="none"/><clipPath id="c"><use href="#r"/></clipPath>'
        + COVER.format('clip-path="url(#c)"'),
        0.8 * 0.3,
    ),
    "a mask": (
        '<mask id="m"><rect width="100" height="100" fill="#fff"/><circle cx="40" cy="40" r="20"/></mask>'
        + COVER.format('mask="url(#m)"'),
        0.64 - DISC * 20**2,
    ),
    "a symbol that is used": (
        '<symbol id="s" viewBox="0 0 10 10"><rect width="10" height="5"/></symbol>'
        '<use xlink:href="#s" x="20" y="20" width="40" height="40"/>'
        '<use href="#s" x="60" y="60" width="20" height="20"/>',
        0.08 + 0.02,
    ),
    "a clone of another color": (
        '<rect id="r" width="20" height="20"/><g fill="#ccc"><use href="#r" x="40"/></g>',
        0.04,
    ),
    "a marker": (
        '<marker id="m" markerWidth="4" markerHeight="4" refX="2" refY="2"><rect width="4" height="4"/></marker>'
        '<path d="M10 50H50" stroke="#000" stroke-width="5" marker-end="url(#m)"/>',
        (30 * 5 + 20 * 20) / 1e4,
    ),
    "squares the same way round": ('<path d="M10 10H90V90H10Z M30 30H70V70H30Z"/>', 0.64),
    "squares the other way round": ('<path d="M10 10H90V90H10Z M30 30V70H70V30Z"/>', 0.48),
    "squares by the other rule": ('<path fill-rule="evenodd" d="M10 10H90V90H10Z M30 30H70V70H30Z"/>', 0.48),
    "an outline across itself": ('<path d="M20 20H80V80H20V40H60V60H40V20"/>', 0.32),
    "dashes": ('<path d="M10 50H90" stroke="#000" stroke-width="4" stroke-dasharray="20"/>', 0.016),
    "dashes by a sheet": (
        "<style>path{stroke-dasharray:20 20}</style><path d='M10 50H90' stroke='#000' stroke-width='4'/>",
        0.016,
    ),
    "a pen in percent": ('<path d="M0 50H100" stroke="#000" stroke-width="5%"/>', 0.05),
    "a box in percent": ('<rect x="10%" y="10%" width="50%" height="20%"/>', 0.1),
    "a box without a width": ('<rect x="10" y="10" height="20"/>' + INK, 0.01),
    "a switch": (
        '<switch><rect systemLanguage="fr" width="50" height="50"/><rect width="10" height="10"/></switch>',
        0.01,
    ),
    "what is not displayed": (f'<g display="none">{COVER.format("")}</g>{INK}', 0.01),
    "what is hidden": (f'<g visibility="hidden">{COVER.format("")}</g>{INK}', 0.01),
    "what is moved": (
        '<g transform="rotate(90 50 50) scale(.5)"><rect x="20" y="20" width="40" height="60"/></g>',
        0.06,
    ),
    "a drawing in a drawing": (
        '<svg x="50" width="50" height="50" viewBox="0 0 10 10"><rect width="20" height="5"/></svg>',
        0.125,
    ),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_ink_is_what_is_dark_in_the_picture(name: str, tmp_path: Path) -> None:
    content, share = DRAWINGS[name]
    path = write(tmp_path, content)
    ours, true = drawn(path), rendered(path)
    assert true.mean() == pytest.approx(share, abs=0.002)
    # The ends of lines are round.
    assert ours.mean() == pytest.approx(share, rel=0.06, abs=0.0006)
    assert wrong(ours, true) < (0.04 if "stroke=" in content else 1e-9)


def test_a_line_that_is_hidden_in_the_middle_is_two_lines(tmp_path: Path) -> None:
    line, cover = (
        '<path d="M10 50H90" stroke="#000" stroke-width="4"/>',
        '<rect x="40" y="20" width="20" height="60" fill="#fff"/>',
    )
    strokes = read_strokes(write(tmp_path, line + cover))
    assert not strokes.filled.any() and strokes.width == pytest.approx([0.04, 0.04])
    # The pen is round: it begins half its width from what hides it.
    expected = [[0.1, 0.5], [0.38, 0.5], [0.62, 0.5], [0.9, 0.5]]
    np.testing.assert_allclose(strokes.points, expected, atol=0.003)


def test_lines_that_are_seen_whole_are_as_they_were_drawn(tmp_path: Path) -> None:
    curves = '<path d="M20 20C30 0 60 90 80 30"/><circle cx="50" cy="50" r="20"/>'
    lines = '<g fill="none" stroke="#000" stroke-width="{}">' + curves + "</g>"
    for width in ("3", "0.05"):
        alone = read_strokes(write(tmp_path, lines.format(width)))
        beside = '<rect width="100" height="100" fill="#fec"/>' + lines.format(width)
        together = read_strokes(write(tmp_path, beside))
        np.testing.assert_allclose(together.points, alone.points, atol=1e-6)
        assert together.width.tolist() == alone.width.tolist() and not together.filled.any()


def test_dashes_are_lines_of_their_own(tmp_path: Path) -> None:
    strokes = read_strokes(
        write(tmp_path, '<path d="M10 50H90" stroke="#000" stroke-width="2" stroke-dasharray="16"/>')
    )
    assert len(strokes) == 3 and not strokes.filled.any()
    # 16 long, less the round ends of a pen of 2.
    assert strokes.lengths[1] == pytest.approx(0.14, abs=0.005)


def test_a_dark_line_below_a_dark_area_is_none(tmp_path: Path) -> None:
    content = '<path d="M30 50H70" stroke="#000" stroke-width="3"/><rect x="10" y="10" width="80" height="80"/>'
    strokes = read_strokes(write(tmp_path, content + '<circle cx="5" cy="5" r="4" fill="#fe0"/>'))
    assert strokes.filled.tolist() == [True]


def test_of_a_group_everything_is_drawn_whatever_hides_it(tmp_path: Path) -> None:
    path = write(tmp_path, f'<g id="line-1"><path d="M0 50H50" stroke="#000"/></g>{COVER.format(WHITE)}')
    assert read_strokes(path, "line").points.tolist() == [[0, 0.5], [0.5, 0.5]]
    with pytest.raises(UserError, match="has no strokes"):
        read_strokes(path)


@pytest.mark.parametrize(
    "text",
    [
        '<text x="10" y="60" font-size="50" {}>HI</text>',
        '<text x="10" y="60" {}><tspan font-size="50">HI</tspan></text>',
    ],
)
def test_text_is_ink(text: str, tmp_path: Path) -> None:
    path = write(tmp_path, text.format('font-family="Nowhere"'))
    strokes = read_strokes(path)
    assert strokes.filled.tolist() == [True, True]
    ours = drawn(path)
    assert ours.mean() == pytest.approx(0.074, abs=0.004) and wrong(ours, rendered(path)) == 0
    light = write(tmp_path, text.format('fill="#ddd"') + INK)
    assert drawn(light).mean() == pytest.approx(0.01, abs=0.0005)
