"""What MkDocs calls: pages made of the repository join those that were written, and nothing is asked of other hosts."""

from __future__ import annotations

import re
from typing import Any

import api_pages
import config_pages
import study_pages
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

GENERATED = (config_pages, study_pages, api_pages)
# What a browser fetches by itself when it opens a page.
FETCHED = re.compile(
    r"<(?:script|img|iframe|source|video|audio|link)\b[^>]*?\b(?:src|href|srcset)=[\"']?((?:https?:)?//[^\"'\s>]+)"
)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages that are made into the navigation, where it says `studies/*`."""
    made: dict[str, list[Any]] = {
        "zoo/*": [{name: f"zoo/{name}.md"} for name in study_pages.cards()],
        "studies/*": [f"studies/{name}/index.md" for name in study_pages.studies()],
        "config/*": [page for page in config_pages.pages() if re.match(r"reference/config/(?!index)", page)],
        "roots/*": [page for page in config_pages.pages() if page.startswith("reference/roots/")],
        "api/*": [f"reference/api/{name}.md" for name in api_pages.PUBLIC],
    }
    config.nav = without_empty(filled(config.nav, made))
    return config


def filled(entry: Any, made: dict[str, list[Any]]) -> Any:
    """Return a part of the navigation with its patterns replaced."""
    if isinstance(entry, list):
        return [one for each in entry for one in several(each, made)]
    if isinstance(entry, dict):
        return {title: filled(inner, made) for title, inner in entry.items()}
    return entry


def several(entry: Any, made: dict[str, list[Any]]) -> list[Any]:
    """Return what an entry of a list stands for: what was made, for a pattern."""
    return made[entry] if isinstance(entry, str) and entry in made else [filled(entry, made)]


def without_empty(entry: Any) -> Any:
    """Return a part of the navigation without sections of which nothing was made."""
    if isinstance(entry, list):
        return [one for one in map(without_empty, entry) if one not in ([], {})]
    if isinstance(entry, dict):
        return {title: inner for title, inner in ((key, without_empty(one)) for key, one in entry.items()) if inner}
    return entry


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made, and the studies' pictures."""
    for module in GENERATED:
        for path, text in module.pages().items():
            files.append(File.generated(config, path, content=text))
    for path, file in study_pages.files().items():
        if files.get_file_from_path(path) is None:
            files.append(File.generated(config, path, abs_src_path=str(file)))
    return files


def on_post_page(output: str, page: Any, config: MkDocsConfig) -> str:
    """Refuse a page that would make a browser ask another host for something."""
    if found := FETCHED.search(output):
        raise PluginError(f"{page.file.src_path} fetches {found[1]}: the site asks nothing of other hosts")
    return output
