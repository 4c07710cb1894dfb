"""An SVG file with nothing left to look up: CSS applied, clones written out, what is not drawn itself set apart."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar
from xml.etree.ElementTree import Element, ParseError, XMLPullParser, tostring

import cssselect2
import tinycss2

# Of a file, unpacked; of its elements with every clone written out; of elements inside each other; of elements that are
# painted, counting a pattern, marker, clip or mask wherever it is used.
BYTES, ELEMENTS, DEPTH, PAINTED = 2**26, 50_000, 200, 1_000_000
# Bytes that are parsed at once.
PIECE = 2**16

NAMESPACE = "http://www.w3.org/2000/svg"
HREF = "{http://www.w3.org/1999/xlink}href"
SHAPES = frozenset({"path", "rect", "circle", "ellipse", "line", "polyline", "polygon"})
GROUPS = frozenset({"svg", "g", "a", "switch"})
# Drawn only where something refers to them.
SERVERS = frozenset({"linearGradient", "radialGradient", "pattern", "clipPath", "mask", "marker", "filter"})

REFERRING = frozenset({"linearGradient", "radialGradient", "pattern", "textPath", "filter"})

# Properties that an attribute may hold as well.
PROPERTIES = frozenset(
    [
        "alignment-baseline",
        "baseline-shift",
        "clip-path",
        "clip-rule",
        "color",
        "color-interpolation",
        "color-interpolation-filters",
        "direction",
        "display",
        "dominant-baseline",
        "fill",
        "fill-opacity",
        "fill-rule",
        "filter",
        "flood-color",
        "flood-opacity",
        "font-family",
        "font-size",
        "font-size-adjust",
        "font-stretch",
        "font-style",
        "font-variant",
        "font-weight",
        "image-rendering",
        "isolation",
        "letter-spacing",
        "lighting-color",
        "marker",
        "marker-end",
        "marker-mid",
        "marker-start",
        "mask",
        "mix-blend-mode",
        "opacity",
        "overflow",
        "paint-order",
        "shape-rendering",
        "stop-color",
        "stop-opacity",
        "stroke",
        "stroke-dasharray",
        "stroke-dashoffset",
        "stroke-linecap",
        "stroke-linejoin",
        "stroke-miterlimit",
        "stroke-opacity",
        "stroke-width",
        "text-anchor",
        "text-decoration",
        "text-rendering",
        "transform-origin",
        "unicode-bidi",
        "vector-effect",
        "visibility",
        "word-spacing",
        "writing-mode",
    ]
)
# Properties that what lies below takes over, of those that decide what is drawn.
INHERITED = frozenset(
    [
        "clip-rule",
        "color",
        "fill",
        "fill-opacity",
        "fill-rule",
        "font-size",
        "marker",
        "marker-end",
        "marker-mid",
        "marker-start",
        "stroke",
        "stroke-dasharray",
        "stroke-opacity",
        "stroke-width",
        "visibility",
    ]
)
MARKERS = ("marker", "marker-start", "marker-mid", "marker-end")
LENGTHS = frozenset({"x", "y", "width", "height", "cx", "cy", "r", "rx", "ry", "x1", "y1", "x2", "y2"})
UPRIGHT = frozenset({"y", "height", "cy", "ry", "y1", "y2"})
# What an element that does not say it takes for 0, not from those around it.
PLACES = {"rect": ("x", "y"), "circle": ("cx", "cy"), "ellipse": ("cx", "cy"), "line": ("x1", "y1", "x2", "y2")}
UNITS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4, "q": 96 / 101.6}
FONT_SIZE, FONT_SIZES = 16.0, {"smaller": 1 / 1.2, "larger": 1.2}
MEDIUM = {"xx-small": 0.6, "x-small": 0.75, "small": 8 / 9, "medium": 1.0, "large": 1.2, "x-large": 1.5, "xx-large": 2}

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
LENGTH = re.compile(rf"\s*({NUMBER})\s*([A-Za-z%]*)\s*")
DECLARATION = re.compile(r"""\s*([-\w]+)\s*:((?:[^;"'(]|"[^"]*"|'[^']*'|\([^)]*\))*)(?:;|$)""")
# More than a float of 32 bits holds.
HUGE = re.compile(r"\d[eE]\+?0*(?:\d{3,}|[4-9]\d)")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
REFERENCE = re.compile(r"url\(\s*['\"]?#([^)'\"]+)['\"]?\s*\)")
VARIABLE = re.compile(r"var\(\s*(--[-\w]+)\s*(?:,([^()]*(?:\([^()]*\)[^()]*)*))?\)")


Other = TypeVar("Other", float, None)


@dataclass(frozen=True)
class Shape:
    """A shape that is drawn: its element, what is painted, and how much of it shows through what lies around it."""

    element: Element
    fill: str
    stroke: str
    width: float
    dashed: bool
    fill_opacity: float
    stroke_opacity: float
    even_odd: bool


@dataclass
class Document:
    """A file as it is drawn; `root` holds `definitions` and then the drawing.

    `shapes[n]` are those with the attribute `data-n`, `groups` all else that is drawn itself, and `marks` what markers
    draw. `plain`: nothing clips, masks, filters, dashes or lets shine through, and all that is drawn are shapes.
    """

    root: Element
    definitions: Element
    shapes: list[Shape] = field(default_factory=list)
    groups: list[Element] = field(default_factory=list)
    marks: list[Element] = field(default_factory=list)
    plain: bool = True
    text: bool = False
    # Width and height in units of the file; None: as large as what is drawn.
    page: tuple[float, float] | None = None

    def written(self) -> str:
        """Return the document as XML."""
        return tostring(self.root, encoding="unicode")


def read_document(path: Path, group: str | None = None) -> Document:
    """Return an SVG file as it is drawn; with `group`, only what lies in groups whose id begins so.

    Raises `ParseError` or `ValueError` for what is no such file, refers to itself, or is larger than anything drawn.
    """
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
    return Resolver(parsed(content)).document(group)


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


@dataclass(frozen=True)
class Around:
    """What an element takes over from those around it: properties, opacity, the viewport; and where it lies."""

    style: Mapping[str, str]
    opacity: float
    viewport: tuple[float, float]
    depth: int
    # Clones and servers that are being written out.
    within: frozenset[str]
    # drawing, clip, marker, or else what a mask or a pattern holds.
    place: str


class Resolver:
    """Writes a tree out; see `Document`."""

    def __init__(self, root: Element) -> None:
        self.root = root
        self.sheet = sheet(root)
        self.named: dict[str, Element] = {}
        self.parents: dict[Element, Element] = {}
        for parent in root.iter():
            self.named.setdefault(parent.get("id", ""), parent)
            self.parents.update((child, parent) for child in parent)
        self.count = 0
        self.wanted: list[str] = []
        self.variables = any("var(" in value for element in root.iter() for value in element.attrib.values()) or any(
            "var(" in value for rules in self.sheet.values() for _, value in rules
        )

    def document(self, group: str | None) -> Document:
        """Return the whole tree written out."""
        page, viewport = extent(self.root)
        attributes = {name: self.root.attrib[name] for name in ("preserveAspectRatio",) if name in self.root.attrib}
        if view := view_box(self.root):
            attributes["viewBox"] = " ".join(repr(number) for number in view)
        root = Element("svg", {"xmlns": NAMESPACE, **attributes})
        if page is not None:
            root.attrib.update(width=repr(page[0]), height=repr(page[1]))
        definitions = Element("defs")
        root.append(definitions)
        self.made = Document(root, definitions, page=page)
        self.group = group
        style = self.style(self.root, {})
        self.finish(root, self.root, style, "drawing")
        start = Around(
            self.taken_over(style, {}), number(style.get("opacity"), 1.0), viewport, 0, frozenset(), "drawing"
        )
        if style.get("display") != "none":
            for child in self.root:
                self.write(child, root, start)
        self.define()
        return self.made

    def define(self) -> None:
        """Write the servers out that the drawing refers to, and refuses those that paint without end."""
        done = set()
        while self.wanted:
            name = self.wanted.pop()
            source = self.named.get(name)
            if name in done or source is None:
                continue
            done.add(name)
            if kind(source) in SERVERS:
                self.write_server(source, name)
            elif kind(source) in SHAPES:
                # What a text runs along.
                path = Element(kind(source), self.attributes(source, (0.0, 0.0), FONT_SIZE))
                path.set("id", name)
                self.made.definitions.append(path)
        self.servers = {server.get("id", ""): server for server in self.made.definitions}
        self.costs: dict[str, int] = {}
        drawn = (child for child in self.made.root if child is not self.made.definitions)
        self.painted((part for child in drawn for part in child.iter()), frozenset())

    def painted(self, parts: Iterable[Element], within: frozenset[str]) -> int:
        """Return how many elements some elements paint, together with what they refer to, `within` these servers."""
        total = 0
        for part in parts:
            total += 1
            style = part.get("style", "")
            if "url(" not in style and "href" not in part.attrib:
                continue
            for name in (*REFERENCE.findall(style), part.get("href", "")[1:]):
                if (server := self.servers.get(name)) is None:
                    continue
                if name in within:
                    raise ValueError(f"#{name} refers to itself")
                if len(within) > DEPTH // 4:
                    raise ValueError("too much refers to each other")
                if name not in self.costs:
                    self.costs[name] = self.painted(server.iter(), within | {name})
                # A marker stands at every point.
                points = len(part.get("d", "") + part.get("points", "")) // 4 if server.tag == "marker" else 0
                total += self.costs[name] * (1 + points)
                if total > PAINTED:
                    raise ValueError(f"over {PAINTED} painted elements")
        return total

    def write_server(self, source: Element, name: str) -> None:
        """Write a gradient, pattern, clip, mask, marker or filter out."""
        style: Mapping[str, str] = {}
        for ancestor in reversed(list(self.ancestors(source))):
            style = self.taken_over(self.style(ancestor, style), style)
        own = self.style(source, style)
        viewport = extent(self.root)[1]
        made = Element(kind(source), self.attributes(source, None, FONT_SIZE))
        made.set("id", name)
        place = {"clipPath": "clip", "marker": "marker"}.get(kind(source), "server")
        self.finish(made, source, own, place)
        self.made.definitions.append(made)
        if kind(source) in ("pattern", "clipPath", "mask", "marker"):
            around = Around(self.taken_over(own, style), 1.0, viewport, 1, frozenset({name}), place)
            for child in source:
                self.write(child, made, around)
        else:
            self.copy(source, made, own)

    def copy(self, source: Element, made: Element, style: Mapping[str, str]) -> None:
        """Copy what lies in an element as it is, its style resolved."""
        for child in source:
            if name := kind(child):
                self.counted()
                one = Element(name, self.attributes(child, None, FONT_SIZE))
                own = self.style(child, style)
                self.finish(one, child, own, "server")
                one.text, one.tail = child.text, child.tail
                made.append(one)
                self.copy(child, one, self.taken_over(own, style))

    def write(self, source: Element, parent: Element, around: Around) -> None:
        """Write an element out below `parent`, if it is drawn where it stands."""
        name = kind(source)
        if name not in SHAPES and name not in GROUPS and name not in ("use", "text", "image"):
            return
        style = self.style(source, around.style)
        if style.get("display") == "none":
            return
        below = replace(
            around,
            style=self.taken_over(style, around.style),
            opacity=around.opacity * number(style.get("opacity"), 1.0),
            depth=around.depth + 1,
        )
        self.counted()
        if below.depth > DEPTH:
            raise ValueError(f"elements lie over {DEPTH} deep in each other")
        if name in SHAPES:
            self.write_shape(source, name, parent, style, below)
        elif name == "use":
            self.write_clone(source, parent, style, below)
        elif name in GROUPS:
            self.write_group(source, name, parent, style, below)
        elif (self.kept(below) and below.style.get("visibility", "visible") == "visible") or name == "text":
            self.write_other(source, name, parent, style, below)

    def write_shape(self, source: Element, name: str, parent: Element, style: dict[str, str], below: Around) -> None:
        if below.style.get("visibility", "visible") != "visible" or not self.kept(below):
            return
        own = below.style
        font = font_size(own)
        attributes = self.attributes(source, below.viewport, font)
        if name == "rect" and not attributes.keys() >= {"width", "height"}:
            if self.group is None:
                return
            # Not drawn by the standard. One of OpenMoji's is a box of 1 in the samples of old, and stays one.
            attributes = {"width": "1", "height": "1", **attributes}
        shape = Element(name, {**dict.fromkeys(PLACES.get(name, ()), "0"), **attributes})
        width, height = below.viewport
        diagonal = ((width**2 + height**2) / 2) ** 0.5
        pen = length(own.get("stroke-width"), diagonal, font, 1.0)
        fill, stroke = (paint(own.get(key, other), own) for key, other in (("fill", "#000"), ("stroke", "none")))
        if name == "line":
            fill = "none"
        dashes = [
            length(dash, diagonal, font, 0.0) for dash in re.split(r"[\s,]+", own.get("stroke-dasharray", "none"))
        ]
        style = {**style, "fill": fill, "stroke": stroke, "stroke-width": repr(max(pen, 0.0))}
        self.finish(shape, source, style, below.place)
        parent.append(shape)
        if below.place == "marker":
            self.made.marks.append(shape)
        if below.place != "drawing":
            return
        shape.set("data-n", str(len(self.made.shapes)))
        opacities = [below.opacity * number(own.get(f"{key}-opacity"), 1.0) for key in ("fill", "stroke")]
        dashed = stroke != "none" and sum(dashes) > 0
        even_odd = own.get("fill-rule") == "evenodd"
        self.made.shapes.append(
            Shape(shape, fill, stroke if pen > 0 else "none", pen, dashed, opacities[0], opacities[1], even_odd)
        )
        if dashed or any(own.get(key, "none") != "none" for key in MARKERS):
            self.made.plain = False

    def write_group(self, source: Element, name: str, parent: Element, style: dict[str, str], below: Around) -> None:
        if name == "svg":
            made = Element("svg", self.attributes(source, below.viewport, font_size(below.style)))
            for key in ("viewBox", "preserveAspectRatio"):
                if key in source.attrib:
                    made.set(key, source.attrib[key])
            below = replace(below, viewport=inner_viewport(made, below.viewport))
            self.made.plain = False
        else:
            made = Element("g", {"transform": source.get("transform", "")} if source.get("transform") else {})
        self.finish(made, source, style, below.place)
        if below.place == "drawing":
            self.made.groups.append(made)
        if self.group is not None and source.get("id", "").startswith(self.group):
            below = replace(below, within=below.within | {""})
        parent.append(made)
        for child in chosen(source) if name == "switch" else source:
            self.write(child, made, below)

    def write_clone(self, source: Element, parent: Element, style: dict[str, str], below: Around) -> None:
        name = href(source)
        target = self.named.get(name[1:]) if name.startswith("#") else None
        if target is None:
            return
        if name in below.within:
            raise ValueError(f"a clone of itself, {name}")
        below = replace(below, within=below.within | {name})
        font = font_size(below.style)
        at = [length(source.get(key), size, font, 0.0) for key, size in zip("xy", below.viewport, strict=True)]
        move = " ".join(filter(None, (source.get("transform"), f"translate({at[0]!r} {at[1]!r})" if any(at) else "")))
        if below.place == "clip":
            # Nothing but shapes may lie in a clip.
            if kind(target) in SHAPES:
                self.write(moved(target, move), parent, below)
            return
        made = Element("g", {"transform": move} if move else {})
        self.finish(made, source, style, below.place)
        if below.place == "drawing":
            self.made.groups.append(made)
        parent.append(made)
        if kind(target) in ("symbol", "svg"):
            size: dict[str, str] = {key: source.get(key) or target.get(key) or "100%" for key in ("width", "height")}
            kept: dict[str, str] = {
                key: target.attrib[key] for key in ("viewBox", "preserveAspectRatio") if key in target.attrib
            }
            inner = Element("svg", {**size, **kept})
            inner.attrib.update(self.attributes(inner, below.viewport, font))
            own = self.style(target, below.style)
            self.finish(inner, target, own, below.place)
            self.made.plain = False
            if below.place == "drawing":
                self.made.groups.append(inner)
            made.append(inner)
            below = replace(
                below,
                style=self.taken_over(own, below.style),
                opacity=below.opacity * number(own.get("opacity"), 1.0),
                viewport=inner_viewport(inner, below.viewport),
            )
            for child in target:
                self.write(child, inner, below)
        else:
            self.write(target, made, below)

    def write_other(self, source: Element, name: str, parent: Element, style: dict[str, str], below: Around) -> None:
        """Write a text, or a picture that lies in the file itself."""
        made = Element(name, self.attributes(source, None, font_size(below.style)))
        if name == "image":
            if not href(source).startswith("data:"):
                return
            made.set("href", href(source))
        own = below.style
        fill, stroke = (paint(own.get(key, other), own) for key, other in (("fill", "#000"), ("stroke", "none")))
        self.finish(made, source, {**style, "fill": fill, "stroke": stroke}, below.place)
        made.text = source.text
        self.copy(source, made, below.style)
        parent.append(made)
        self.made.plain = False
        if name == "text":
            self.made.text = True
            if below.place in ("drawing", "marker"):
                self.made.marks += [part for part in made.iter() if part.tag in ("text", "tspan", "textPath")]

    def kept(self, below: Around) -> bool:
        """Whether this is of the group that is asked for."""
        return self.group is None or below.place != "drawing" or "" in below.within

    def counted(self) -> None:
        self.count += 1
        if self.count > ELEMENTS:
            raise ValueError(f"over {ELEMENTS} elements with all clones written out")

    def finish(self, made: Element, source: Element, style: Mapping[str, str], place: str) -> None:
        """Give an element its style, and note what it refers to."""
        if style:
            text = ";".join(f"{key}:{value}" for key, value in style.items() if not key.startswith("--"))
            made.set("style", text)
            if "url(" in text:
                self.wanted += REFERENCE.findall(text)
        if made.tag in REFERRING and (name := href(source)).startswith("#"):
            made.set("href", name)
            self.wanted.append(name[1:])
        if place == "drawing" and (
            any(style.get(key, "none") != "none" for key in ("clip-path", "mask", "filter"))
            or style.get("mix-blend-mode", "normal") != "normal"
            or number(style.get("opacity"), 1.0) < 1
        ):
            self.made.plain = False

    def attributes(self, source: Element, viewport: tuple[float, float] | None, font: float) -> dict[str, str]:
        """Return the attributes of an element that are no properties; shares of a viewport as numbers."""
        found = {}
        for key, value in source.attrib.items():
            if key.startswith("{") or key in PROPERTIES or key in ("style", "class", "id", "href"):
                continue
            if viewport is not None and key in LENGTHS and value[-1:].isalpha() | value.endswith("%"):
                width, height = viewport
                diagonal = ((width**2 + height**2) / 2) ** 0.5
                whole = height if key in UPRIGHT else diagonal if key == "r" else width
                value = repr(length(value, whole, font, 0.0))
            if (key in LENGTHS or key in ("d", "points", "transform")) and HUGE.search(value):
                raise ValueError("a line of it has no end")
            found[key] = value
        return found

    def style(self, element: Element, around: Mapping[str, str]) -> dict[str, str]:
        """Return the properties that are given to an element, by attributes, sheets and `style`, the last one wins."""
        found = {key: value for key, value in element.attrib.items() if key in PROPERTIES}
        own = declarations(element.get("style", "")) if "style" in element.attrib else []
        rules = self.sheet.get(element, [])
        for heavy in (False, True):
            for key, value in (*rules, *own):
                if value.endswith("!important") is heavy:
                    found[key] = value.removesuffix("!important").strip() if heavy else value
        if self.variables:
            known = {**around, **found}
            for key, value in list(found.items()):
                if "var(" in value:
                    text = VARIABLE.sub(lambda match: known.get(match[1], match[2] or "").strip(), value)
                    if text and "var(" not in text:
                        found[key] = text
                    else:
                        del found[key]
        for key in [key for key, value in found.items() if value == "inherit"]:
            # What is taken over anyway needs no word.
            outer = None if key in INHERITED else self.specified(self.parents.get(element), key)
            if outer is None:
                del found[key]
            else:
                found[key] = outer
        return found

    def specified(self, element: Element | None, key: str) -> str | None:
        return None if element is None else self.style(element, {}).get(key)

    def taken_over(self, style: Mapping[str, str], around: Mapping[str, str]) -> Mapping[str, str]:
        """Return the properties that hold below an element of this style."""
        new = {key: value for key, value in style.items() if key in INHERITED or key.startswith("--")}
        if not new:
            return around
        if "font-size" in new:
            outer = font_size(around)
            text = new["font-size"]
            size = FONT_SIZES[text] * outer if text in FONT_SIZES else MEDIUM.get(text, 0.0) * FONT_SIZE
            new["font-size"] = repr(size or length(text, outer, outer, outer))
        if new.get("color") == "currentColor":
            del new["color"]
        for key in ("fill", "stroke"):
            # The color of the place where it says so, not of the place where it is used.
            if new.get(key, "").lower() == "currentcolor":
                new[key] = new.get("color", around.get("color", "#000"))
        return {**around, **new}

    def ancestors(self, element: Element) -> Iterator[Element]:
        """Yield all elements around an element, from the inside."""
        while (parent := self.parents.get(element)) is not None:
            yield (element := parent)


def sheet(root: Element) -> dict[Element, list[tuple[str, str]]]:
    """Return what the style sheets of a file say about its elements, what counts most last."""
    texts = [element.text or "" for element in root.iter() if kind(element) == "style"]
    matcher = cssselect2.Matcher()
    filled = False
    for rule in tinycss2.parse_stylesheet("\n".join(texts), skip_comments=True, skip_whitespace=True):
        if rule.type != "qualified-rule":
            continue
        said = declarations(tinycss2.serialize(rule.content))
        try:
            selectors = cssselect2.compile_selector_list(rule.prelude)
        except cssselect2.SelectorError:
            continue
        for selector in selectors:
            if selector.pseudo_element is None and said:
                matcher.add_selector(selector, said)
                filled = True
    if not filled:
        return {}
    found = {}
    for wrapper in cssselect2.ElementWrapper.from_xml_root(root).iter_subtree():
        if matches := matcher.match(wrapper):
            found[wrapper.etree_element] = [pair for *_, said in matches for pair in said]
    return found


def declarations(text: str) -> list[tuple[str, str]]:
    """Return the properties of a declaration block; what is `!important` ends so."""
    if "/*" in text:
        text = COMMENT.sub("", text)
    pairs = []
    for name, value in DECLARATION.findall(text):
        value = value.strip()
        if "!" in value:
            value = re.sub(r"\s*!\s*important$", "!important", value, flags=re.IGNORECASE)
        if value:
            pairs.append((name if name.startswith("--") else name.lower(), value))
    return pairs


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


def moved(shape: Element, move: str) -> Element:
    """Return a shape moved once more."""
    copy = Element(shape.tag, shape.attrib)
    copy.set("transform", f"{move} {shape.get('transform', '')}".strip())
    return copy


def extent(root: Element) -> tuple[tuple[float, float] | None, tuple[float, float]]:
    """Return the size of a file's page, None where it follows from what is drawn, and of the area it is drawn in."""
    view = view_box(root)
    inside = (view[2], view[3]) if view else (100.0, 100.0)
    sizes = [
        None if text is None or (text.strip().endswith("%") and view is None) else length(text, whole, FONT_SIZE, None)
        for text, whole in ((root.get("width"), inside[0]), (root.get("height"), inside[1]))
    ]
    width, height = sizes
    if view and width is not None and height is None:
        height = width * inside[1] / inside[0]
    elif view and height is not None and width is None:
        width = height * inside[0] / inside[1]
    elif view and width is None and height is None:
        width, height = inside
    if width is None or height is None:
        return None, inside
    if not (0 < width < 1e9 and 0 < height < 1e9):
        raise ValueError(f"a page of {width:g} x {height:g}")
    return (width, height), inside if view else (width, height)


def view_box(element: Element) -> tuple[float, float, float, float] | None:
    """Return an element's viewBox, if it has a usable one."""
    numbers = [float(found) for found in re.findall(NUMBER, element.get("viewBox", ""))]
    if len(numbers) != 4 or not (0 < numbers[2] < 1e9 and 0 < numbers[3] < 1e9):
        return None
    return numbers[0], numbers[1], numbers[2], numbers[3]


def inner_viewport(element: Element, around: tuple[float, float]) -> tuple[float, float]:
    """Return the viewport that an <svg> inside a drawing makes."""
    if view := view_box(element):
        return view[2], view[3]
    width, height = (
        length(element.get(key), whole, FONT_SIZE, whole)
        for key, whole in zip(("width", "height"), around, strict=True)
    )
    return width, height


def paint(text: str, style: Mapping[str, str]) -> str:
    """Return what something is painted with, its own color named."""
    if text.lower() == "currentcolor":
        return style.get("color", "#000")
    return text


def font_size(style: Mapping[str, str]) -> float:
    return number(style.get("font-size"), FONT_SIZE)


def number(text: str | None, otherwise: float) -> float:
    """Return a number, or a share in percent, as it is written."""
    found = LENGTH.fullmatch(text or "")
    return float(found[1]) * (0.01 if found[2] == "%" else 1.0) if found else otherwise


def length(text: str | None, whole: float, font: float, otherwise: Other) -> float | Other:
    """Return a length in pixels of CSS; percentages are of `whole`, and `otherwise` stands for what is none."""
    found = LENGTH.fullmatch(text or "")
    if found is None:
        return otherwise
    value, unit = float(found[1]), found[2].lower()
    if unit == "%":
        return value / 100 * whole
    if unit in ("em", "ex"):
        return value * font * (0.5 if unit == "ex" else 1.0)
    return value * UNITS[unit] if unit in UNITS else otherwise
