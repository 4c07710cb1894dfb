"""What <use> shows: where a clone stands, and the area that a symbol opens."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from henkan.data.svg_lengths import Area, length


def move_of(clone: Element, viewport: Area, font: float) -> str:
    """Return how a clone is transformed."""
    at = [length(clone.get(key), size, font, 0.0) for key, size in zip("xy", viewport, strict=True)]
    return " ".join(filter(None, (clone.get("transform"), f"translate({at[0]!r} {at[1]!r})" if any(at) else "")))


def opened(clone: Element, target: Element) -> Element:
    """Return the <svg> in which a symbol, or another <svg>, is shown: as large as the clone says, or it says itself."""
    size: dict[str, str] = {key: clone.get(key) or target.get(key) or "100%" for key in ("width", "height")}
    kept: dict[str, str] = {
        key: target.attrib[key] for key in ("viewBox", "preserveAspectRatio") if key in target.attrib
    }
    return Element("svg", {**size, **kept})


def moved(shape: Element, move: str) -> Element:
    """Return a shape moved once more."""
    copy = Element(shape.tag, shape.attrib)
    copy.set("transform", f"{move} {shape.get('transform', '')}".strip())
    return copy
