"""Pages made of what stands elsewhere: the studies, the trained networks, the gallery, the benchmarks, the changelog.

A link in them to what the site has too leads there; one to a file that it has not becomes its path in plain words.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

ROOT = Path(__file__).parents[2]
# Files of the repository that the site has elsewhere.
PLACES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/README.md": "benchmarks.md",
    "experiments/README.md": "studies/index.md",
    "src/henkan/config/studies.py": "reference/study_yaml.md",
    "src/henkan/config/searches.py": "reference/search_yaml.md",
    "src/henkan/sample.py": "reference/api/sample.md",
}
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")


def pages() -> dict[str, str]:
    """Return the text of each page, by its path in the site."""
    places = site_places()
    found = {
        places[path]: moved((ROOT / path).read_text(encoding="utf-8"), path, places)
        for path in places
        if path.endswith(".md") and not path.startswith("docs/") and path != "README.md"
    }
    found["gallery.md"] = gallery(places)
    found["zoo/index.md"] = zoo()
    found["tutorials/notebook.md"] = notebook()
    return found


def files() -> dict[str, Path]:
    """Return the pictures, tables and YAML files of the studies, by their paths in the site."""
    return {place: ROOT / path for path, place in site_places().items() if not path.endswith((".md", ".py"))}


def site_places() -> dict[str, str]:
    """Return where each file of the repository stands in the site, by their paths in either."""
    places = dict(PLACES)
    for folder in sorted((ROOT / "experiments").glob("*/")):
        for file in sorted([*folder.glob("*.*"), *folder.glob("results/*")]):
            if file.suffix == ".py":
                continue
            path = file.relative_to(ROOT / "experiments").as_posix()
            room = "" if folder.name == "zoo" else "studies/"
            places[f"experiments/{path}"] = f"{room}{path.removesuffix('README.md')}" + (
                "index.md" if path.endswith("README.md") else ""
            )
    for file in sorted((ROOT / "docs").rglob("*")):
        if file.is_file() and file.suffix != ".py":
            path = file.relative_to(ROOT).as_posix()
            places[path] = path.removeprefix("docs/")
    return places


def moved(text: str, path: str, places: dict[str, str]) -> str:
    """Return the text of a file with its links as they must be at its place in the site."""
    here = PurePosixPath(places[path]).parent.as_posix()

    def link(found: re.Match[str]) -> str:
        picture, words, target = found.groups()
        words = LINK.sub(link, words)
        if re.match(r"[a-z]+:|#", target):
            return f"{picture}[{words}]({target})"
        file, _, anchor = target.partition("#")
        meant = os.path.normpath(os.path.join(os.path.dirname(path), file)).replace(os.sep, "/")
        if meant not in places:
            return words if words.startswith("`") else f"{words} (`{meant}`)"
        place = os.path.relpath(places[meant], here).replace(os.sep, "/")
        return f"{picture}[{words}]({place}{'#' + anchor if anchor else ''})"

    return LINK.sub(link, text)


def notebook() -> str:
    """Return docs/henkan.ipynb as a page: its text, and its code in blocks."""
    cells = json.loads((ROOT / "docs" / "henkan.ipynb").read_text(encoding="utf-8"))["cells"]
    parts = []
    for cell in cells:
        text = "".join(cell["source"])
        parts.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
    told = "(The file is [docs/henkan.ipynb](../henkan.ipynb); the suite runs it from its first cell to its last.)"
    return "\n\n".join([parts[0], told, *parts[1:]]) + "\n"


def studies() -> list[str]:
    """Return the names of the studies and searches, in the order of the table in experiments/README.md."""
    text = (ROOT / "experiments" / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^\| \[(\w+)\]\(\w+/README\.md\)", text, re.MULTILINE)


def cards() -> dict[str, dict[str, Any]]:
    """Return the cards of the networks that come along, by name; the page of each stands in experiments/zoo."""
    files = sorted((ROOT / "src" / "henkan" / "zoo").glob("*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


def zoo() -> str:
    """Return the page that lists the networks: what each does, and how it scores beside what learns nothing."""
    lines = [
        "# Trained networks",
        "",
        "They come with henkan, a file of at most 4 MB each, trained by its own recipes on pictures whose licenses",
        "allow it.",
        "",
        "```",
        "henkan zoo                                       # which there are",
        "henkan predict model=lines input=sketch.png      # a picture, or a folder",
        "henkan serve                                     # a page to try them on",
        "henkan train experiment=srresnet init=model:sr generator.upsampling=nearest",
        "```",
        "",
        'The last trains on from one. In Python: `henkan.load("lines")` ([how](../howto/python.md)).',
        "Scores are means over test pictures, beside those of a method that learns nothing; what a network cannot do",
        "stands on its card.",
        "",
        "| network | | score | without it | size | license |",
        "|---|---|---|---|---|---|",
    ]
    for name, card in cards().items():
        score = card["scores"][0]
        beside = f"{score['baseline']:.4g} ({card['baseline']})" + ("" if score["beats"] else ", not beaten")
        lines.append(
            f"| [`{name}`]({name}.md) | {card['title']} | {score['name']} {score['model']['mean']:.4g} | {beside} "
            f"| {card['bytes'] / 1e6:.2f} MB | {card['licence']} |"
        )
    return "\n".join([*lines, "", "`henkan zoo build NAME` trains one anew, as `experiments/zoo/NAME.yaml` says.", ""])


def gallery(places: dict[str, str]) -> str:
    """Return the page with the pictures of every study, its question, and the command that made them."""
    lines = [
        "# Gallery",
        "",
        "Every picture is of test pictures that no training has seen, chosen by their order and not by their looks.",
        "Under each stands the command that made it. Columns are named in the pictures.",
        "",
    ]
    for name in studies():
        text = (ROOT / "experiments" / name / "README.md").read_text(encoding="utf-8")
        command = re.search(r"^.*uv run henkan .*$", text, re.MULTILINE)
        pictures = pictures_of(name)
        if not pictures or command is None:
            continue
        title = re.search(r"^# (.*)$", text, re.MULTILINE)
        assert title is not None
        lines += [f"## {title[1]}", ""]
        for file, caption in pictures:
            place = places[f"experiments/{name}/{file}"]
            lines += [f"![{caption}]({place}){{ loading=lazy }}", "", f"*{caption[:1].upper()}{caption[1:]}.*", ""]
        lines += [f"`{command[0].strip()}`: [what was found](studies/{name}/index.md)", ""]
    lines += ["## Trained networks", ""]
    for name, card in cards().items():
        if card["scores"][0]["beats"]:
            place = places[f"experiments/zoo/{name}.jpg"]
            caption = f"Source, {card['baseline']}, {name}, target"
            lines += [f"![{caption}]({place}){{ loading=lazy }}", "", f"*{caption}.*", ""]
            lines += [f"`henkan zoo build {name}`: [its card](zoo/{name}.md)", ""]
    return "\n".join(lines)


def pictures_of(name: str) -> list[tuple[str, str]]:
    """Return the pictures that a study's page shows, but for plots, each with its caption."""
    text = (ROOT / "experiments" / name / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[([^\]]*)\]\((results/[^)]+)\)", text)
    return [(file, caption) for caption, file in shown if not re.search(r"/(plane|along)", file)]
