"""The reference is of the whole tree: every group, option, key, resolver and setting stands in it."""

from __future__ import annotations

import re
from pathlib import Path

import api_pages
import config_pages
import pytest
import study_pages
import yaml
from mkdocs.exceptions import PluginError

from henkan.config.searches import SEARCH
from henkan.config.studies import STUDY
from henkan.config.trees import config_folder, groups
from henkan.launching.verbs import verbs

CONF = config_folder()
PAGES = config_pages.pages()


def leaves(node: object, prefix: str = "") -> list[str]:
    """Every dotted key of a YAML file that is no mapping of further ones, written over several lines."""
    if not isinstance(node, dict):
        return [prefix]
    return [found for name, value in node.items() for found in leaves(value, f"{prefix}.{name}" if prefix else name)]


@pytest.mark.parametrize("group", groups())
def test_every_option_and_key_stands_on_the_page_of_its_group(group: str) -> None:
    page = PAGES[f"reference/config/{config_pages.page(group)}"]
    assert f"| [`{group}`](" in PAGES["reference/config/index.md"]
    for file in (CONF / group).glob("*.yaml"):
        section = page.partition(f"## {file.stem}\n")[2].partition("\n## ")[0]
        said = set(re.findall(r"^\| `([\w.]+)` \|", section, re.MULTILINE))
        content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        for key in leaves({name: value for name, value in content.items() if name not in ("defaults", "hydra")}):
            assert any(key == one or key.startswith(f"{one}.") for one in said), f"{file}: {key}"


def test_comments_values_and_choices_are_told() -> None:
    loss = PAGES["reference/config/loss.md"]
    assert "The non-saturating adversarial objective, with GLCIC's weight." in loss
    assert "| `weights.adversarial` | `4.0e-4` |" in loss
    assert "`loss=[mse,adversarial]`" in PAGES["reference/config/experiment.md"]
    assert (
        "| `evaluation.areas` | `[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 1.0]` | Scores are also told by"
        in (PAGES["reference/roots/train.md"])
    )
    assert "Side of the training crop, and of the local window" in PAGES["reference/roots/train.md"]


def test_keys_of_several_lines_comments_between_and_values_of_another_kind() -> None:
    text = "# Of the file.\na:\n  # Of b.\n  b: [1,\n    2]\n  c:\n    # inner\n    - 1\n    - 2\nd: {e: 1}\nf: null\n"
    assert [(key.path, key.value, key.comment) for key in config_pages.keys(text)] == [
        ("a.b", "[1, 2]", "Of b."),
        ("a.c", "- 1 - 2", ""),
        ("d", "{e: 1}", ""),
        ("f", "null", ""),
    ]
    assert config_pages.heading_comment(text) == "Of the file."


def test_resolvers_verbs_and_settings_of_studies_and_searches_are_told() -> None:
    used = {
        name for file in CONF.rglob("*.yaml") for name in re.findall(r"\$\{(\w+):", file.read_text(encoding="utf-8"))
    }
    for name in (used - {"oc", "hydra", "now"}) | {"at_scale", "steps_after"}:
        assert f"| `{name}` |" in PAGES["reference/resolvers.md"]
    assert "`${at_scale:size,256}`" in PAGES["reference/resolvers.md"]
    for verb in verbs().values():
        assert f"## {verb.name}\n" in PAGES["reference/commands.md"]
        assert not verb.composed or f"reference/roots/{verb.name}.md" in PAGES
    for kind in (STUDY, SEARCH):
        page = PAGES[f"reference/{kind.name}_yaml.md"]
        assert set(kind.readers) == set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
        # Each with what it means.
        assert not re.findall(r"^\| `\w+` \|.*\|\s*\|$", page, re.MULTILINE)


def test_what_stands_elsewhere_is_moved_with_its_links() -> None:
    places = {"a/README.md": "studies/a/index.md", "b.png": "studies/b.png", "docs/c.md": "c.md"}
    text = "[![x](../b.png)](../docs/c.md#y) [`s.py`](../src/s.py) [code](../src/s.py) [w](https://w.org) [h](#h)"
    assert study_pages.moved(text, "a/README.md", places) == (
        "[![x](../b.png)](../../c.md#y) `s.py` code (`src/s.py`) [w](https://w.org) [h](#h)"
    )


def test_every_study_has_its_page_and_its_pictures_stand_in_the_gallery() -> None:
    pages = study_pages.pages()
    folders = {file.parent.name for file in (study_pages.ROOT / "experiments").glob("*/README.md")}
    assert set(study_pages.studies()) == folders
    assert {f"studies/{name}/index.md" for name in folders} <= set(pages)
    assert "studies/sr_mse_vs_gan/results/pictures.png" in pages["gallery.md"]
    assert "plane" not in "".join(re.findall(r"!\[.*?\]\((.*?)\)", pages["gallery.md"]))


def test_every_trained_network_has_its_page_and_stands_in_the_list() -> None:
    pages, folder = study_pages.pages(), study_pages.ROOT / "experiments" / "zoo"
    assert {file.stem for file in folder.glob("*.md")} == set(study_pages.cards())
    for name, card in study_pages.cards().items():
        assert pages[f"zoo/{name}.md"].startswith(f"# {name}: ") and f"zoo/{name}.jpg" in study_pages.files()
        assert f"| [`{name}`]({name}.md) | {card['title']} |" in pages["zoo/index.md"]
        # What does not beat the method beside it is no example.
        assert (f"](zoo/{name}.jpg)" in pages["gallery.md"]) == card["scores"][0]["beats"]


def test_packages_of_the_api_are_there_and_have_modules() -> None:
    for name in api_pages.PUBLIC:
        assert api_pages.modules(name), name
    assert "henkan.losses.mse" in api_pages.modules("losses")
    assert "henkan.training.loggers.logger" in api_pages.modules("training")
    assert api_pages.has("henkan.losses.mse.MSE") and not api_pages.has("henkan.losses.mse.Mean")
    assert not api_pages.has("henkan.verbs.train.main") and not api_pages.has("torch.optim.Adam")
    rooms = {path.name.removesuffix(".py") for path in api_pages.SOURCE.glob("[!_]*") if path.name != "py.typed"}
    assert set(api_pages.PUBLIC) <= rooms


def test_a_page_that_fetches_from_elsewhere_is_refused(tmp_path: Path) -> None:
    from mkdocs_hooks import on_post_page

    class Page:
        class file:
            src_path = "here.md"

    fine = '<a href="https://example.org">x</a><script src="assets/a.js"></script><link rel="x" href="a.css">'
    assert on_post_page(fine, Page, None) == fine
    for bad in (
        '<script src="https://e.org/a.js">',
        '<link rel="stylesheet" href=//e.org/a.css>',
        '<img src="http://e">',
    ):
        with pytest.raises(PluginError, match="here.md fetches"):
            on_post_page(fine + bad, Page, None)


def test_patterns_of_the_navigation_become_pages_and_empty_sections_go() -> None:
    from mkdocs_hooks import filled, without_empty

    nav = [{"A": ["a.md", "x/*", {"B": ["y/*"]}]}, "z.md"]
    assert without_empty(filled(nav, {"x/*": ["x/1.md", "x/2.md"], "y/*": []})) == [
        {"A": ["a.md", "x/1.md", "x/2.md"]},
        "z.md",
    ]
