"""The verbs: found in the files of `henkan.verbs` by name, without importing them.

A verb is a module of `henkan.verbs` with a function `main`: its docstring is the verb's help, the first line of it the
purpose. `main(cfg: DictConfig)` makes it a Hydra root, configured by `conf/<verb>.yaml`; `main(arguments: list[str])`
takes its command line as it is. So a new verb is one file, and nothing imports it. `_` in a file's name is `-` in the
verb's.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache

from henkan.config.trees import PACKAGE


@dataclass(frozen=True)
class Verb:
    """What `henkan` can do: the name, its help, and whether Hydra composes its config."""

    name: str
    help: str
    composed: bool

    @property
    def purpose(self) -> str:
        return self.help.partition("\n")[0]


def composed(verb: str) -> bool:
    """Whether Hydra composes the verb's config."""
    return verbs()[verb].composed


def module_of(verb: str) -> str:
    """Return the name of the module that holds a verb."""
    return f"henkan.verbs.{verb.replace('-', '_')}"


@cache
def verbs() -> dict[str, Verb]:
    """Return every verb, read from its source without importing it."""
    found = {}
    for path in sorted((PACKAGE / "verbs").glob("[!_]*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        function = next(node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == "main")
        takes_config = [argument.arg for argument in function.args.args] == ["cfg"]
        name = path.stem.replace("_", "-")
        found[name] = Verb(name, ast.get_docstring(module) or "", takes_config)
    return found
