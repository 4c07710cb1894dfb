"""A figure as SVG: a file that stands alone, and an element of the page, in its colors and with its values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from henkan.report.ticks import plain

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
# What lines go by whose points the page tells under the pointer; their labels say of what they are.
TRACE = "trace"
LEGEND = "legend"


def trace(line: Line2D, label: str) -> None:
    """Let the page tell the points of a line."""
    axes = line.axes
    assert axes is not None
    line.set_gid(f"{TRACE}-{axes.get_lines().index(line)}")
    # An underscore at the beginning would mean to matplotlib that there is no label.
    line.set_label(label.replace("$", r"\$") if not label.startswith("_") else f" {label}")


def written(figure: Figure, name: str, kept: float, theme: Mapping[str, str]) -> tuple[str, str]:
    """Return the figure as a file of its own, and as an element of the page: theme colors, unique ids.

    `kept` is the part of the height above the legend, which the page does not repeat. The page reads values off the
    picture: it has the places of the axes (`data-axes`), and of each line what it is of (`data-of`).
    """
    raw = BytesIO()
    figure.savefig(raw, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", XLINK)
    root = ElementTree.fromstring(raw.getvalue())
    for metadata in root.findall(f"{{{SVG}}}metadata"):
        root.remove(metadata)
    alone = ElementTree.tostring(root, encoding="unicode")

    _, _, width, height = map(float, root.attrib["viewBox"].split())
    told = {str(line.get_gid()): str(line.get_label()) for line in lines(figure)}
    for parent in list(root.iter()):
        for child in list(parent):
            if child.attrib.get("id") == LEGEND:
                parent.remove(child)
        if label := told.get(parent.attrib.get("id", "")):
            del parent.attrib["id"]
            parent.attrib["data-of"] = label.replace(r"\$", "$").strip()
        if "d" in parent.attrib:
            parent.attrib["d"] = rounded(parent.attrib["d"])
        for side in ("x", "y"):
            if side in parent.attrib:
                parent.attrib[side] = rounded(parent.attrib[side])
    root.attrib.clear()
    root.attrib.update({"viewBox": f"0 0 {width:g} {height * kept:g}", "aria-hidden": "true"})
    if told:
        root.attrib["data-axes"] = json.dumps(places(figure.axes[0], width, height), ensure_ascii=False)
    inline = ElementTree.tostring(root, encoding="unicode")
    inline = re.sub(r' xmlns(:\w+)?="[^"]*"', "", inline).replace("xlink:href=", "href=")
    inline = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", inline)
    inline = re.sub(r"'DejaVu Sans'", "system-ui", inline)
    for color, variable in theme.items():
        inline = inline.replace(color, f"var({variable})")
    return alone, inline


def lines(figure: Figure) -> list[Line2D]:
    """Return the lines whose points the page tells."""
    return [line for axes in figure.axes for line in axes.get_lines() if str(line.get_gid()).startswith(TRACE)]


def rounded(numbers: str) -> str:
    """Return coordinates to a hundredth of a point, and without breaks between them."""
    return re.sub(r"\s+", " ", re.sub(r"(\.\d\d)\d+", r"\1", numbers)).strip()


def places(axes: Axes, width: float, height: float) -> dict[str, Any]:
    """Return where the axes lie in the picture and what their ends mean.

    x is linear, or a list of places and what they mean where it is anything else.
    """
    box = axes.get_position()
    figure = axes.figure
    x: dict[str, Any] = {"from": axes.get_xlim()[0], "to": axes.get_xlim()[1]}
    words = {}
    if axes.get_xscale() != "linear" or axes.xaxis.have_units():
        for line in lines(figure):  # type: ignore[arg-type]
            values, given = (np.asarray(line.get_xdata(orig=orig)).tolist() for orig in (False, True))
            for value, said in zip(values, given, strict=True):
                at = float(axes.transData.transform((value, axes.get_ylim()[0]))[0]) * 72 / figure.dpi
                words[round(at, 2)] = said if isinstance(said, str) else plain(float(said))
        x = {"at": list(words), "is": list(words.values())}
    low, high = axes.get_ylim()
    sides = (box.x0 * width, (1 - box.y1) * height, box.x1 * width, (1 - box.y0) * height)
    across = axes.get_xlabel() or "iteration"
    up = axes.get_ylabel() or axes.get_title(loc="left")
    # Without what is said of them: ", lower is better".
    names = [re.sub(r"\s+", " ", name.partition(", ")[0]).replace(r"\$", "$") for name in (across, up)]
    return {
        "box": [round(side, 2) for side in sides],
        "names": names,
        "x": x,
        "y": {"from": low, "to": high, "log": axes.get_yscale() == "log"},
    }
