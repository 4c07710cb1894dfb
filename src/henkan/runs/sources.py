"""The source files that a result depends on: followed through imports, and hashed when they are loaded.

A server that has imported henkan runs what it has imported, whatever is edited since. So the hash of a loaded module is
that of when `remember` saw it first, and a process that is forked from such a server takes its memory along.
"""

from __future__ import annotations

import ast
import hashlib
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from henkan.config.trees import PACKAGE

# Of every module that is henkan's or the user's own and is loaded: what it was loaded by, and its hash.
_loaded: dict[str, tuple[ModuleSpec, str]] = {}
_others: set[str] = set()
_installed: set[str] = set()
LIBRARY = Path(ast.__file__).parent
# How many modules are named where many have changed.
NAMED = 3


def code(parts: Mapping[str, Any]) -> dict[str, str]:
    """Return the hash of every module that something built from `parts` of a config goes through when it trains."""
    remember()
    return {name: hash_of(name, path) for name, path in sources(parts).items()}


def changed(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return the modules that two records of code both have, with another source."""
    return sorted(name for name in then.keys() & now.keys() if then[name] != now[name])


def in_words(names: Sequence[str]) -> str:
    """Say which modules these are: three of them, and how many more."""
    others = len(names) - NAMED
    return ", ".join(names) if others <= 1 else f"{', '.join(names[:NAMED])} and {others} others"


def remember() -> None:
    """Hash the source of every own module that has been loaded since the last call."""
    for name in sys.modules.keys() - _others:
        # Not by getattr: some modules import when they are asked.
        spec = getattr(sys.modules[name], "__dict__", {}).get("__spec__")
        if name in _loaded and _loaded[name][0] is spec:
            continue
        path = own_source(spec)
        if spec is None or path is None:
            _others.add(name)
        elif path.is_file():
            _loaded[name] = spec, hash_now(path)


def sources(parts: Mapping[str, Any]) -> dict[str, Path]:
    """Return module -> file of all training code, of every `_target_` in `parts`, and of what these import in turn.

    Only henkan's own modules and the user's: what is installed has a version.
    """
    waiting = [f"henkan.training.{path.stem}" for path in sorted((PACKAGE / "training").glob("[!_]*.py"))]
    waiting += targets(parts)
    found: dict[str, Path] = {}
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        path = locate(name)
        if path is not None:
            found[name] = path
            waiting += imports(name, path, hash_of(name, path))
        # A package is loaded before what lies in it; of a class, a function or a value, its module is.
        waiting += [name.rpartition(".")[0]] if "." in name else []
    return {name: path for name, path in sorted(found.items()) if not path.is_file() or path.stat().st_size}


def targets(config: Any) -> Iterator[str]:
    """Yield every `_target_` of a config."""
    if isinstance(config, Mapping):
        if isinstance(config.get("_target_"), str):
            yield config["_target_"]
        for value in config.values():
            yield from targets(value)
    elif isinstance(config, list | tuple):
        for value in config:
            yield from targets(value)


def hash_of(name: str, path: Path) -> str:
    """Return the hash of a module's source: as it was loaded, or as it would be."""
    return _loaded[name][1] if name in _loaded else hash_now(path)


def hash_now(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


@cache
def imports(name: str, path: Path, content: str) -> tuple[str, ...]:
    """Return what a module imports anywhere in it, modules and their members alike; `content` is its hash."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, OSError):
        # It was edited since it was loaded, or is gone.
        return ()
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(dict.fromkeys(alias.name for alias in node.names))
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            found.update(dict.fromkeys(f"{module}.{alias.name}" for alias in node.names))
    return tuple(found)


def locate(name: str) -> Path | None:
    """Return the source of a module that is henkan's or the user's own, without importing it; None for all else."""
    parent = sys.modules.get(name.rpartition(".")[0])
    # What lies in a module that is no package is a class, a function or a value.
    if installed(name.partition(".")[0]) or (parent is not None and not hasattr(parent, "__path__")):
        return None
    if name in sys.modules:
        return own_source(sys.modules[name].__spec__)
    return own_source(spec_of(name))


def installed(package: str) -> bool:
    """Whether a top-level package is installed, or Python's own."""
    if package in sys.stdlib_module_names or package in _installed:
        return True
    spec = sys.modules[package].__spec__ if package in sys.modules else spec_of(package)
    # A folder without an __init__.py has no source of its own.
    if spec is not None and spec.origin is not None and own_source(spec) is None:
        _installed.add(package)
    return package in _installed


def spec_of(name: str) -> ModuleSpec | None:
    """Find a module from its package downwards, importing neither."""
    first, *rest = name.split(".")
    spec, path = PathFinder.find_spec(first), first
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        path = f"{path}.{part}"
        spec = spec_within(path, spec.submodule_search_locations)
    return spec


def spec_within(name: str, folders: Iterable[str]) -> ModuleSpec | None:
    """Find a module in folders of its package.

    `PathFinder` would want the package imported where the module is a folder without an __init__.py.
    """
    portions: list[str] = []
    for folder in folders:
        finder = pkgutil.get_importer(folder)
        spec = None if finder is None else finder.find_spec(name)
        if spec is not None and spec.loader is not None:
            return spec
        portions += (spec and spec.submodule_search_locations) or []
    if not portions:
        return None
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = portions
    return spec


def own_source(spec: ModuleSpec | None) -> Path | None:
    """Return the Python file of a module, unless it is installed; henkan's own count, installed or not."""
    return None if spec is None or spec.origin is None else own_file(spec.origin)


@cache
def own_file(name: str) -> Path | None:
    if not name.endswith(".py"):
        return None
    path = Path(name)
    return path if path.is_relative_to(PACKAGE) or not is_installed(path) else None


def is_installed(path: Path) -> bool:
    """Whether a file belongs to an installed package, or to Python itself."""
    if {"site-packages", "dist-packages"} & set(path.parts) or path.is_relative_to(LIBRARY):
        return True
    # What `pip install --target` fills is called anything.
    return any(path.is_relative_to(folder) for folder in sys.path if folder and holds_distributions(folder))


@cache
def holds_distributions(folder: str) -> bool:
    """Whether packages are installed in a folder."""
    return any(Path(folder).glob("*.dist-info"))
