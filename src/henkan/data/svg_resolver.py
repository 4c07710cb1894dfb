"""An SVG file with nothing left to look up: CSS applied, clones written out, what is not drawn itself set apart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree.ElementTree import Element

from henkan.data.svg_clones import move_of, moved, opened
from henkan.data.svg_document import Document, Shape
from henkan.data.svg_lengths import (
    FONT_SIZE,
    HUGE,
    LENGTHS,
    UPRIGHT,
    Area,
    diagonal,
    extent,
    inner_viewport,
    length,
    number,
    view_box,
)
from henkan.data.svg_limits import DEPTH, ELEMENTS, REFERENCE, Painting
from henkan.data.svg_styles import PROPERTIES, Styles, font_size, paint, taken_over
from henkan.data.svg_tree import GROUPS, NAMESPACE, REFERRING, SERVERS, SHAPES, chosen, href, kind, read_tree

MARKERS = ("marker", "marker-start", "marker-mid", "marker-end")
# What an element that does not say it takes for 0, not from those around it.
PLACES = {"rect": ("x", "y"), "circle": ("cx", "cy"), "ellipse": ("cx", "cy"), "line": ("x1", "y1", "x2", "y2")}


def read_document(path: Path, group: str | None = None) -> Document:
    """Return an SVG file as it is drawn; with `group`, only what lies in groups whose id begins so.

    Raises `ParseError` or `ValueError` for what is no such file, refers to itself, or is larger than anything drawn.
    """
    return Resolver(read_tree(path)).document(group)


@dataclass(frozen=True)
class Around:
    """What an element takes over from those around it: properties, opacity, the viewport; and where it lies."""

    style: Mapping[str, str]
    opacity: float
    viewport: Area
    depth: int
    # Clones and servers that are being written out.
    within: frozenset[str]
    # drawing, clip, marker, or else what a mask or a pattern holds.
    place: str


class Resolver:
    """Writes a tree out; see `Document`."""

    def __init__(self, root: Element) -> None:
        self.root = root
        self.styles = Styles(root)
        self.named: dict[str, Element] = {}
        for element in root.iter():
            self.named.setdefault(element.get("id", ""), element)
        self.count = 0
        self.wanted: list[str] = []

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
        style = self.styles.of(self.root, {})
        self.finish(root, self.root, style, "drawing")
        start = Around(taken_over(style, {}), number(style.get("opacity"), 1.0), viewport, 0, frozenset(), "drawing")
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
        drawn = (child for child in self.made.root if child is not self.made.definitions)
        painting = Painting({server.get("id", ""): server for server in self.made.definitions})
        painting.painted((part for child in drawn for part in child.iter()), frozenset())

    def write_server(self, source: Element, name: str) -> None:
        """Write a gradient, pattern, clip, mask, marker or filter out."""
        style: Mapping[str, str] = {}
        for ancestor in reversed(list(self.styles.ancestors(source))):
            style = taken_over(self.styles.of(ancestor, style), style)
        own = self.styles.of(source, style)
        viewport = extent(self.root)[1]
        made = Element(kind(source), self.attributes(source, None, FONT_SIZE))
        made.set("id", name)
        place = {"clipPath": "clip", "marker": "marker"}.get(kind(source), "server")
        self.finish(made, source, own, place)
        self.made.definitions.append(made)
        if kind(source) in ("pattern", "clipPath", "mask", "marker"):
            around = Around(taken_over(own, style), 1.0, viewport, 1, frozenset({name}), place)
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
                own = self.styles.of(child, style)
                self.finish(one, child, own, "server")
                one.text, one.tail = child.text, child.tail
                made.append(one)
                self.copy(child, one, taken_over(own, style))

    def write(self, source: Element, parent: Element, around: Around) -> None:
        """Write an element out below `parent`, if it is drawn where it stands."""
        name = kind(source)
        if name not in SHAPES and name not in GROUPS and name not in ("use", "text", "image"):
            return
        style = self.styles.of(source, around.style)
        if style.get("display") == "none":
            return
        below = replace(
            around,
            style=taken_over(style, around.style),
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
        whole = diagonal(below.viewport)
        pen = length(own.get("stroke-width"), whole, font, 1.0)
        fill, stroke = (paint(own.get(key, other), own) for key, other in (("fill", "#000"), ("stroke", "none")))
        if name == "line":
            fill = "none"
        dashes = [length(dash, whole, font, 0.0) for dash in re.split(r"[\s,]+", own.get("stroke-dasharray", "none"))]
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
        move = move_of(source, below.viewport, font)
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
            inner = opened(source, target)
            inner.attrib.update(self.attributes(inner, below.viewport, font))
            own = self.styles.of(target, below.style)
            self.finish(inner, target, own, below.place)
            self.made.plain = False
            if below.place == "drawing":
                self.made.groups.append(inner)
            made.append(inner)
            below = replace(
                below,
                style=taken_over(own, below.style),
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
                self.made.linked += 1
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

    def attributes(self, source: Element, viewport: Area | None, font: float) -> dict[str, str]:
        """Return the attributes of an element that are no properties; shares of a viewport as numbers."""
        found = {}
        for key, value in source.attrib.items():
            if key.startswith("{") or key in PROPERTIES or key in ("style", "class", "id", "href"):
                continue
            if viewport is not None and key in LENGTHS and value[-1:].isalpha() | value.endswith("%"):
                width, height = viewport
                whole = height if key in UPRIGHT else diagonal(viewport) if key == "r" else width
                value = repr(length(value, whole, font, 0.0))
            if (key in LENGTHS or key in ("d", "points", "transform")) and HUGE.search(value):
                raise ValueError("a line of it has no end")
            found[key] = value
        return found
