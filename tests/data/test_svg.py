"""SVG files as they are drawn: what hides what, what styles say, what is not drawn, what is refused."""

from __future__ import annotations

import gzip
import math
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import resvg_py

from henkan.data import stroke_reader
from henkan.data.outlines import areas, same_by_both_rules, traced, with_hole
from henkan.data.stroke_reader import Reader, read_all
from henkan.data.svg import read_strokes
from henkan.data.svg_document import read_document
from henkan.data.svg_folder import SvgFolder
from henkan.data.svg_ink import DARK, fonts
from henkan.errors import UserError

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {}>{}</svg>'
PAGE = 'width="100" height="100" viewBox="0 0 100 100"'
SIDE = 400
# One hundredth of the page: something to be seen beside what is not.
INK = '<rect x="85" y="85" width="10" height="10"/>'


def write(folder: Path, content: str, size: str = PAGE) -> Path:
    path = folder / "a.svg"
    path.write_text(SVG.format(size, content))
    return path


def drawn(path: Path) -> np.ndarray:
    page: np.ndarray = read_strokes(path).moved(np.array([[SIDE, 0, 0], [0, SIDE, 0]], np.float32)).drawn(SIDE, SIDE)
    return page[..., 0] < DARK


def rendered(path: Path) -> np.ndarray:
    known = fonts() if "<text" in path.read_text() else {"skip_system_fonts": True}
    png = resvg_py.svg_to_bytes(svg_path=str(path), width=SIDE, background="#fff", **known)
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return np.asarray(picture < DARK)


def wrong(ours: np.ndarray, true: np.ndarray) -> float:
    """What is ink by one of the two, and farther than one pixel from what is by the other, as a share of all ink."""
    wide = [cv2.dilate(ink.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0 for ink in (ours, true)]
    return float(((ours & ~wide[1]) | (true & ~wide[0])).sum() / (ours | true).sum())


DISC = math.pi / 1e4
LIGHT = '<linearGradient id="g"><stop stop-color="#fff"/><stop offset="1" stop-color="#ffe"/></linearGradient>'
TILE = 'width="10" height="10" patternUnits="userSpaceOnUse"'
DOTS = f'<pattern id="p" {TILE}><circle cx="5" cy="5" r="5" fill="#fed"/></pattern>'
LOWER = '<clipPath id="c"><rect y="50" width="100" height="50"/></clipPath>'
COVER = '<rect width="80" height="80" {}/>'
INHERIT, CURRENT, WHITE = 'style="fill:inherit"', 'fill="currentColor"', 'fill="#fff"'
TARGET = '<g class="a"><g><rect class="b" x="10" y="10" width="60" height="60"/></g></g>'

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


def test_a_variable_is_what_it_was_set_to(tmp_path: Path) -> None:
    # resvg knows none: their meaning is that of the standard.
    style = "<style>svg {--ink:#eee} .b {fill:var(--ink)} .c {fill:var(--no, #000)}</style>"
    path = write(tmp_path, f'{style}{TARGET}<rect class="c" x="80" y="80" width="10" height="10"/>')
    assert drawn(path).mean() == pytest.approx(0.01, abs=0.0005)


@pytest.mark.parametrize(
    ("size", "share"),
    [
        ("", 10 * 10 / 20**2),
        ('width="100%"', 10 * 10 / 20**2),
        ('viewBox="0 0 40 40"', 10 * 10 / 40**2),
        ('viewBox="0 0 40 20" width="20mm"', 10 * 10 / 40**2),
        ('viewBox="0 0 80 80" width="2in" height="1in"', 10 * 10 / 160**2),
        ('width="30pt" height="30pt"', 10 * 10 / 40**2),
    ],
)
def test_the_page_is_as_large_as_the_file_says_or_as_what_is_drawn(size: str, share: float, tmp_path: Path) -> None:
    path = write(tmp_path, '<rect x="10" y="10" width="10" height="10"/>', size)
    assert drawn(path).mean() == pytest.approx(share, rel=0.03)


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


def test_a_packed_file_is_read(tmp_path: Path) -> None:
    plain = write(tmp_path, INK)
    (tmp_path / "train").mkdir()
    packed = tmp_path / "train" / "a.SVGZ"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert np.array_equal(read_strokes(packed).points, read_strokes(plain).points)
    assert SvgFolder(tmp_path / "train", 32, cache=tmp_path / "cache").names("train")
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"a\.SVGZ is not a readable SVG file \(it cannot be unpacked\)"):
        read_strokes(packed)


def test_an_old_file_without_a_name_space_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text(f'<svg width="100" height="100">{INK}<path d="M0 0H1" stroke="#fff"/></svg>')
    assert drawn(tmp_path / "a.svg").mean() == pytest.approx(0.01, abs=0.0005)


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


def ring(count: int) -> str:
    """An area of `count` points around a hole of as many."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    circle = np.stack((np.cos(angle), np.sin(angle)), axis=1)
    texts = ["L".join(f"{x:.4f} {y:.4f}" for x, y in 50 + r * circle[::way]) for r, way in ((40, 1), (20, -1))]
    return f'<path d="M{texts[0]}ZM{texts[1]}Z"/>'


def test_an_area_with_a_hole_costs_no_more_than_its_points(tmp_path: Path) -> None:
    path = write(tmp_path, ring(6000))
    since = time.process_time()
    strokes = read_strokes(path)
    # 33 s by comparing all points with all.
    assert time.process_time() - since < 5 and len(strokes) == 1
    assert drawn(path).mean() == pytest.approx(DISC * (40**2 - 20**2), rel=0.01)


def test_many_holes_are_cut_open(tmp_path: Path) -> None:
    holes = "".join(
        f'<circle cx="{x}" cy="{y}" r="1" fill="#fff"/>' for x in range(5, 100, 4) for y in range(5, 100, 4)
    )
    path = write(tmp_path, f'<rect width="100" height="100"/>{holes}')
    strokes, ours = read_strokes(path), drawn(path)
    assert strokes.filled.tolist() == [True] and wrong(ours, rendered(path)) < 0.001
    assert ours.mean() == pytest.approx(1 - 24**2 * DISC, abs=0.01)


def test_a_hole_is_joined_where_it_is_nearest() -> None:
    outline, hole = np.array([[0, 0], [10, 0], [10, 10], [0, 10.0]]), np.array([[4, 4], [4, 9], [1, 9.0]])
    joined = with_hole(outline, hole)
    assert joined.tolist() == [[0, 0], [10, 0], [10, 10], [0, 10], [1, 9], [4, 4], [4, 9], [1, 9], [0, 10]]
    (area,) = areas([outline, hole])
    assert area.tolist() == joined.tolist()


def test_fill_rules_are_told_apart_where_they_differ() -> None:
    square, small = np.array([[0, 0], [9, 0], [9, 9], [0, 9.0]]), np.array([[3, 3], [6, 3], [6, 6], [3, 6.0]])
    assert same_by_both_rules([square]) and same_by_both_rules([square, small[::-1]])
    assert not same_by_both_rules([square, small])
    assert same_by_both_rules([square, small + 20])


def test_tones_are_traced_between_pixels() -> None:
    # A disc with soft edges, and one that is light.
    y, x = np.mgrid[:100, :100] + 0.5
    tones = (255 * (np.hypot(x - 40.3, y - 45.7) - 20).clip(-0.5, 0.5) + 127.5).astype(np.uint8)
    (outline,) = traced(tones, 128, np.ones(tones.shape, bool))
    radii = np.hypot(*(outline - [40.3, 45.7]).T)
    assert abs(radii - 20).max() < 0.3 and radii.mean() == pytest.approx(20, abs=0.15)
    assert not list(traced(tones, 128, np.zeros(tones.shape, bool)))


def test_many_files_are_read_by_processes_and_one_that_ends_them_costs_itself(tmp_path: Path) -> None:
    paths = []
    for number in range(stroke_reader.DRAWINGS_WORTH_A_PROCESS):
        paths.append(tmp_path / f"{number}.svg")
        paths[-1].write_text(SVG.format(PAGE, f'<path d="M0 {number}H9" stroke="#000"/>'))
    paths[3].write_text("no drawing")
    found = read_all(paths, None)
    assert [len(one) for one in found] == [number != 3 for number in range(len(paths))]
    assert np.array_equal(found[7].points, read_strokes(paths[7]).points)


def test_a_file_that_takes_too_long_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, INK)
    reader = Reader(None)
    monkeypatch.setattr(stroke_reader, "PATIENCE", 0.0)
    assert len(reader.read(path)) == 0
    monkeypatch.undo()
    assert len(reader.read(path)) == 1
    reader.close()


def test_styles_are_those_of_where_something_is_used(tmp_path: Path) -> None:
    content = '<style>.x {fill: red}</style><defs><rect id="r" width="9" height="9" stroke="currentColor"/></defs>'
    document = read_document(
        write(tmp_path, f'{content}<g class="x" color="blue"><use href="#r"/></g><use href="#r"/>')
    )
    assert [(shape.fill, shape.stroke) for shape in document.shapes] == [("red", "blue"), ("#000", "#000")]
