"""How large an SVG file may be, and how much it may paint: what never ends is refused before anything is drawn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from xml.etree.ElementTree import Element

# Of a file, unpacked; of its elements with every clone written out; of elements inside each other; of elements that are
# painted, counting a pattern, marker, clip or mask wherever it is used.
BYTES, ELEMENTS, DEPTH, PAINTED = 2**26, 50_000, 200, 1_000_000

REFERENCE = re.compile(r"url\(\s*['\"]?#([^)'\"]+)['\"]?\s*\)")


class Painting:
    """Counts what is painted, with what it refers to among `servers`, by id; refuses what has no end."""

    def __init__(self, servers: Mapping[str, Element]) -> None:
        self.servers = servers
        self.costs: dict[str, int] = {}

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
