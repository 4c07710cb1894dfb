"""Every link of README, docs/ and the studies' pages leads somewhere, and every picture there is made by a command."""

from __future__ import annotations

import os
import re
import runpy
from functools import cache
from pathlib import Path

import api_pages
import config_pages
import numpy as np
import pytest
import study_pages
from matplotlib.figure import Figure
from PIL import Image
from written import PAGES, ROOT, anchors, blocks, commands, links, name_of

OUTSIDE = re.compile(r"[a-z]+:")


@cache
def site() -> dict[str, str]:
    """Every page of the site by its path, those that are made included."""
    written = {
        path.relative_to(ROOT / "docs").as_posix(): path.read_text(encoding="utf-8")
        for path in (ROOT / "docs").rglob("*.md")
    }
    return {**written, **config_pages.pages(), **study_pages.pages(), **api_pages.pages()}


@cache
def files() -> set[str]:
    return set(study_pages.site_places().values())


def leads_nowhere(page: Path, target: str) -> str | None:
    """Return what is wrong with a link, if anything."""
    file, _, anchor = target.partition("#")
    if page.is_relative_to(ROOT / "docs"):
        here = page.relative_to(ROOT / "docs").as_posix()
        meant = os.path.normpath(os.path.join(os.path.dirname(here), file)) if file else here
        if meant not in site():
            return None if meant in files() else "there is no such page or file of the site"
        text = site()[meant]
    else:
        path = (page.parent / file).resolve() if file else page
        if not path.is_relative_to(ROOT) or not path.exists():
            return "there is no such file"
        text = path.read_text(encoding="utf-8") if path.suffix == ".md" else ""
    if anchor and anchor not in anchors(text):
        return "there is no such heading"
    return None


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    wrong = {target: leads_nowhere(page, target) for _, target in links(page) if not OUTSIDE.match(target)}
    assert not {target: why for target, why in wrong.items() if why}


def test_a_link_that_leads_nowhere_is_found() -> None:
    docs = ROOT / "docs" / "index.md"
    assert leads_nowhere(ROOT / "README.md", "docs/howto/nothing.md")
    assert leads_nowhere(ROOT / "README.md", "docs/design.md#nothing")
    assert leads_nowhere(ROOT / "README.md", "docs/design.md#one-idea") is None
    assert leads_nowhere(docs, "studies/nothing/index.md")
    assert leads_nowhere(docs, "reference/config/loss.md#mse") is None
    assert leads_nowhere(docs, "reference/config/loss.md#mean_squared")


def test_links_of_pages_that_are_moved_lead_somewhere_in_the_site() -> None:
    known = {*site(), *files()}
    for here, text in study_pages.pages().items():
        for _, _, target in study_pages.LINK.findall(re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)):
            file = target.partition("#")[0]
            if file and not OUTSIDE.match(target):
                assert os.path.normpath(os.path.join(os.path.dirname(here), file)) in known, f"{here}: {target}"


def made_by(page: Path, target: str) -> str | None:
    """Return what is missing to tell how a picture is made, if anything."""
    places = {place: path for path, place in study_pages.site_places().items()}
    if page.is_relative_to(ROOT / "docs"):
        here = page.relative_to(ROOT / "docs").as_posix()
        path = places.get(os.path.normpath(os.path.join(os.path.dirname(here), target)), "")
    else:
        path = os.path.relpath((page.parent / target).resolve(), ROOT)
    study = re.match(r"experiments/(\w+)/results/", path)
    telling = ROOT / "experiments" / study[1] / "README.md" if study else page
    said = [" ".join(command.words) for command in commands(telling)]
    if study:
        fits = any(re.search(rf"henkan (study|search|report) {study[1]}\b", words) for words in said)
        fits = fits or any(re.search(rf"henkan (train|evaluate)|python experiments/{study[1]}/", one) for one in said)
    elif path.startswith("experiments/zoo/"):
        fits = "henkan train" in telling.read_text(encoding="utf-8")
    elif path == "docs/systems.png":
        fits = any("docs/systems.py" in words for words in said)
    else:
        fits = any(f"henkan study {os.path.dirname(path)}" in words for words in said)
    return None if fits else f"{name_of(telling)} names no command that makes {path}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_picture_is_made_by_a_command_that_is_named(page: Path) -> None:
    wrong = [made_by(page, target) for picture, target in links(page) if picture]
    assert not list(filter(None, wrong))


def test_the_picture_of_readme_is_what_its_command_draws() -> None:
    drawn = np.asarray(runpy.run_path(str(ROOT / "docs" / "systems.py"))["drawn"](), np.int16)
    with Image.open(ROOT / "docs" / "systems.png") as committed:
        kept = np.asarray(committed.convert("RGB"), np.int16)
    assert drawn.shape == kept.shape
    # Another decoder of JPEG, or another font, changes a little.
    assert np.abs(drawn - kept).mean() < 1.0


def test_the_picture_of_the_tutorial_is_what_its_command_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = ROOT / "docs" / "tutorials" / "alpha"
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda own, path, **how: save(own, tmp_path / Path(path).name, **how))
    runpy.run_path(str(folder / "draw.py"), run_name="__main__")
    kept, drawn = (np.asarray(Image.open(place / "gradients.png"), np.int16) for place in (folder, tmp_path))
    assert drawn.shape == kept.shape and np.abs(drawn - kept).mean() < 2.0


def test_every_table_has_as_many_cells_in_each_row() -> None:
    for here, text in site().items():
        width = None
        for line in re.sub(r"```.*?```", "", text, flags=re.DOTALL).splitlines():
            cells = len(re.findall(r"(?<!\\)\|", re.sub(r"`[^`]*`", "", line))) if line.startswith("|") else None
            assert width is None or cells is None or cells == width, f"{here}: {line}"
            width = cells


def test_blocks_of_python_and_yaml_are_python_and_yaml() -> None:
    import ast

    import yaml

    for page in PAGES:
        for block in blocks(page):
            text = "\n".join(block.lines)
            if block.language == "python":
                ast.parse(text)
            if block.language == "yaml":
                assert isinstance(yaml.safe_load(text), dict), f"{name_of(page)}:{block.line}"
