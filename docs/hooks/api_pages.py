"""Pages of the API reference: one a package that people build on, its modules read without importing them."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import TypeGuard

SOURCE = Path(__file__).parents[2] / "src" / "henkan"
# Package or module -> what it holds. Rooms that are henkan's own business (verbs, cli, report, ...) are left out.
PUBLIC = {
    "api": "What notebooks call: load, compose, train, evaluate.",
    "sample": "The keys of a sample.",
    "transform": "Degrade, generate, compose.",
    "tasks": "What is transformed into what.",
    "degradations": "What makes sources of targets.",
    "data": "Where targets come from.",
    "generators": "Networks that transform.",
    "baselines": "Methods that learn nothing.",
    "discriminators": "Networks that judge.",
    "networks": "What networks share.",
    "losses": "Losses and adversarial objectives.",
    "terms": "What the training loop asks of a term.",
    "metrics": "Scores.",
    "postprocessing": "What is done to an output.",
    "training": "The LightningModule, phases, checkpoints, loggers.",
    "scoring": "The one evaluation loop.",
    "prediction": "Networks on a person's own pictures.",
    "runs": "One run: identity, record, folder.",
    "config": "Composes, checks, builds and explains configs.",
    "color": "Color spaces.",
    "randomness": "Random numbers that depend on nothing but seed, component and iteration.",
    "errors": "Errors that people can mend.",
}


def pages() -> dict[str, str]:
    """Return the text of each page, by its path in the site."""
    lines = ["# Python", "", "What the packages hold, from their docstrings.", "", "| | |", "|---|---|"]
    found = {}
    for name, purpose in PUBLIC.items():
        lines.append(f"| [`henkan.{name}`]({name}.md) | {purpose} |")
        found[f"reference/api/{name}.md"] = package_page(name, purpose)
    return {"reference/api/index.md": "\n".join(lines) + "\n", **found}


def package_page(name: str, purpose: str) -> str:
    """Return the page of a package, or of a module: what mkdocstrings makes of each module in it."""
    lines = [f"# henkan.{name}", "", purpose, ""]
    for module in modules(name):
        lines += [f"## {module.rpartition('.')[2]} {{ #{module} }}", "", f"::: {module}", ""]
    return "\n".join(lines)


def modules(name: str) -> list[str]:
    """Return the modules of a package that define something public, or the module itself."""
    single = SOURCE / f"{name}.py"
    files = [single] if single.is_file() else sorted((SOURCE / name).rglob("*.py"))
    return [dotted(file) for file in files if file.stem != "__init__" and names(file)]


def dotted(file: Path) -> str:
    """Return the name of the module that a file is."""
    return ".".join(["henkan", *file.relative_to(SOURCE).with_suffix("").parts])


@cache
def names(file: Path) -> frozenset[str]:
    """Return the public classes and functions that a file defines."""
    return frozenset(node.name for node in ast.parse(file.read_text(encoding="utf-8")).body if public(node))


def has(target: str) -> bool:
    """Whether the reference has a class or function, by its dotted path."""
    module, _, name = target.rpartition(".")
    file = SOURCE.joinpath(*module.split(".")[1:]).with_suffix(".py")
    known = module.startswith("henkan.") and module.split(".")[1] in PUBLIC
    return known and file.is_file() and name in names(file)


def public(node: ast.stmt) -> TypeGuard[ast.ClassDef | ast.FunctionDef]:
    return isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
