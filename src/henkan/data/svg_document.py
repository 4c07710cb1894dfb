"""An SVG file as it is drawn: what there is to draw, and what it refers to."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, tostring


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
    # How many pictures are left out, since they lie in other files.
    linked: int = 0
    # Width and height in units of the file; None: as large as what is drawn.
    page: tuple[float, float] | None = None

    def written(self) -> str:
        """Return the document as XML."""
        return tostring(self.root, encoding="unicode")
