"""What CSS says about the elements of an SVG file: attributes, style sheets, what is taken over from around."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import Element

import cssselect2
import tinycss2

from henkan.data.svg_lengths import FONT_SIZE, Area, extent, length, number
from henkan.data.svg_media import holds
from henkan.data.svg_tree import kind

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
FONT_SIZES = {"smaller": 1 / 1.2, "larger": 1.2}
MEDIUM = {"xx-small": 0.6, "x-small": 0.75, "small": 8 / 9, "medium": 1.0, "large": 1.2, "x-large": 1.5, "xx-large": 2}

DECLARATION = re.compile(r"""\s*([-\w]+)\s*:((?:[^;"'(]|"[^"]*"|'[^']*'|\([^)]*\))*)(?:;|$)""")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
VARIABLE = re.compile(r"var\(\s*(--[-\w]+)\s*(?:,([^()]*(?:\([^()]*\)[^()]*)*))?\)")


class Styles:
    """The properties of the elements below a root."""

    def __init__(self, root: Element) -> None:
        self.sheet = sheet(root)
        self.parents = {child: parent for parent in root.iter() for child in parent}
        self.variables = any("var(" in value for element in root.iter() for value in element.attrib.values()) or any(
            "var(" in value for rules in self.sheet.values() for _, value in rules
        )

    def of(self, element: Element, around: Mapping[str, str]) -> dict[str, str]:
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
        return None if element is None else self.of(element, {}).get(key)

    def ancestors(self, element: Element) -> Iterator[Element]:
        """Yield all elements around an element, from the inside."""
        while (parent := self.parents.get(element)) is not None:
            yield (element := parent)


def taken_over(style: Mapping[str, str], around: Mapping[str, str]) -> Mapping[str, str]:
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


def sheet(root: Element) -> dict[Element, list[tuple[str, str]]]:
    """Return what the style sheets of a file say about its elements, what counts most last.

    What an @media rule holds counts where its queries hold; other at-rules (@import, @supports) say nothing here.
    """
    own, inside = extent(root)
    page = own or inside
    texts = [
        element.text or ""
        for element in root.iter()
        if kind(element) == "style" and holds(element.get("media", ""), page)
    ]
    matcher = cssselect2.Matcher()
    filled = False
    for rule in rules(tinycss2.parse_stylesheet("\n".join(texts), skip_comments=True, skip_whitespace=True), page):
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


def rules(found: Iterable[Any], page: Area) -> Iterator[Any]:
    """Yield the rules that hold on a page, those of @media with them, in their order."""
    for rule in found:
        if rule.type == "qualified-rule":
            yield rule
        elif rule.type == "at-rule" and rule.lower_at_keyword == "media" and rule.content is not None:
            inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            yield from rules(inner, page) if holds(tinycss2.serialize(rule.prelude), page) else ()


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


def paint(text: str, style: Mapping[str, str]) -> str:
    """Return what something is painted with, its own color named."""
    if text.lower() == "currentcolor":
        return style.get("color", "#000")
    return text


def font_size(style: Mapping[str, str]) -> float:
    return number(style.get("font-size"), FONT_SIZE)
