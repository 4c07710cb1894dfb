"""What is written for people, README, docs/ and the studies' pages, as tests read it: links, pictures and commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "benchmarks/README.md")),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "experiments").rglob("*.md"),
    ]
)
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")
SHELL = ("", "bash", "console", "sh")
# Why a command is not run; stands in a comment above it.
MARK = re.compile(r"<!-- not run: (.+?) -->", re.DOTALL)
# In a command that is not meant as it stands.
SCHEMATIC = re.compile(r"…|<|\bVERB\b|\bNAME\b|\.\.\.")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: where it begins, its language, its lines, and why it is not run, if it says so."""

    page: Path
    line: int
    language: str
    lines: list[str]
    why: str | None


@dataclass(frozen=True)
class Command:
    """A command of a page, split as a shell would."""

    place: str
    words: tuple[str, ...]
    why: str | None = None


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix() if page.is_relative_to(ROOT) else page.name


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    text = page.read_text(encoding="utf-8").splitlines()
    begun: int | None = None
    language = ""
    for number, line in enumerate(text):
        if not line.lstrip().startswith("```"):
            continue
        if begun is None:
            begun, language = number, line.strip().removeprefix("```").strip().partition(" ")[0]
            continue
        above = "\n".join(text[max(0, begun - 3) : begun]).rstrip()
        mark = [found for found in MARK.finditer(above) if found.end() == len(above)]
        yield Block(page, begun + 1, language, text[begun + 1 : number], mark[0][1] if mark else None)
        begun = None
    assert begun is None, f"{name_of(page)}: the block of line {begun} does not end"


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    text = page.read_text(encoding="utf-8").splitlines()
    for block in blocks(page):
        text[block.line - 1 : block.line + len(block.lines) + 1] = [""] * (len(block.lines) + 2)
    return "\n".join(text)


def commands(page: Path) -> list[Command]:
    """Return the commands of a page: of its blocks in a shell's language, indented ones, and those in its text."""
    found: list[Command] = []
    for block in blocks(page):
        if block.language in SHELL:
            found += of_block(block)
    for line in re.findall(r"^ {4,}((?:henkan|uv run) .*)$", prose(page), re.MULTILINE):
        found += [Command(f"{name_of(page)}: {line}", one) for one in split(line)]
    for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", prose(page)):
        words = " ".join(code.split())
        if words.startswith(("henkan ", "uv run ")) and not SCHEMATIC.search(words):
            found += [Command(f"{name_of(page)}: {words}", one) for one in split(words)]
    return found


def of_block(block: Block) -> Iterator[Command]:
    lines = "\n".join(block.lines).replace("\\\n", " ").splitlines()
    for line in lines:
        # A comment, or an array of the shell's.
        if line.strip() and not re.match(r"\s*(#|\w+=\()", line):
            for words in split(line):
                if "NAME" in words:
                    continue
                yield Command(f"{name_of(block.page)}:{block.line}: {line.strip()}", words, block.why)


def split(line: str) -> Iterator[tuple[str, ...]]:
    """Yield the commands of a line, each without the variables that it sets."""
    # What only a shell knows: an element of an array, a sum.
    line = re.sub(r"\$\{\w+\[.*?\]\}", "0.01", re.sub(r"\$\(\(.*?\)\)", "0", line))
    words: list[str] = []
    for word in [*shlex.split(line, comments=True), "&&"]:
        if word in ("&&", "||"):
            if words:
                yield tuple(words)
            words = []
        elif words or not re.fullmatch(r"\w+=.*", word):
            words.append(word)


def links(page: Path) -> list[tuple[bool, str]]:
    """Return the links of a page, and whether each is a picture."""
    text = re.sub(r"`[^`\n]*`", "", prose(page))
    return [(bool(picture), target) for picture, _, target in linked(text)]


def linked(text: str) -> Iterator[tuple[str, str, str]]:
    for picture, words, target in LINK.findall(text):
        yield picture, words, target
        yield from linked(words)


def anchors(text: str) -> set[str]:
    """Return the anchors of a Markdown text: one a heading, as GitHub and the site name them, and those it names."""
    found: dict[str, int] = {}
    out: set[str] = set()
    bare = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for heading in re.findall(r"^#{1,6} +(.*)$", bare, re.MULTILINE):
        named = re.search(r"\{ *#([\w.\-]+) *\}", heading)
        if named:
            out.add(named[1])
            continue
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
        out.add(slug if not found[slug] else f"{slug}-{found[slug]}")
    return out
