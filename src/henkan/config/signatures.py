"""Binds what a config names to be built to the signature of it, by names and by types."""

from __future__ import annotations

import inspect
import pkgutil
import types
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from henkan.config.explain import suggestion
from henkan.config.resolved import Node
from henkan.errors import UserError

# What Hydra itself reads in a node that names something to build.
HYDRAS_OWN = {"_target_", "_args_", "_partial_", "_recursive_", "_convert_"}


def targets(node: Any, path: str = "") -> Iterator[tuple[str, Node]]:
    """Yield the path and the node of everything to be built."""
    if isinstance(node, Mapping):
        if "_target_" in node:
            yield path, node
        for name, child in node.items():
            yield from targets(child, f"{path}.{name}" if path else str(name))
    elif isinstance(node, list):
        for number, child in enumerate(node):
            yield from targets(child, f"{path}.{number}")


def bind(path: str, node: Node, reserved: Collection[str]) -> None:
    """Bind the settings of a node to the signature of its target, as a call would."""
    target = locate(path, str(node["_target_"]))
    settings = {str(name): value for name, value in node.items() if name not in HYDRAS_OWN and name not in reserved}
    try:
        signature = inspect.signature(target)
    except ValueError:
        # Some built-in functions do not tell theirs.
        return
    hints = hints_of(target)
    known = set(signature.parameters)
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            known.remove(parameter.name)
            # What may be given is listed, or anything is taken.
            listed = hints.pop(parameter.name, None)
            own = typing.get_args(listed) if typing.get_origin(listed) is typing.Unpack else ()
            options = typing.get_type_hints(own[0]) if own else dict.fromkeys(settings, Any)
            known |= options.keys()
            hints = {**options, **hints}
    for name in settings:
        if name not in known:
            raise UserError(f"{path}.{name}: {node['_target_']} has no such setting{suggestion(name, known)}")
    whole = not node.get("_partial_", False)
    try:
        (signature.bind if whole else signature.bind_partial)(*node.get("_args_", ()), **settings)
    except TypeError as error:
        raise UserError(f"{path}: {node['_target_']}: {error}") from None
    for name, value in settings.items():
        if name in hints and not fits(value, hints[name]):
            raise UserError(f"{path}.{name}={value!r} does not fit: {node['_target_']} takes {described(hints[name])}")


def check_nulls(path: str, node: Node, written: Mapping[str, Any]) -> None:
    """Raise `UserError` for a null that somebody has written where a number is taken, or yes or no.

    One that comes from elsewhere in the config (a mean color that is measured later) is none yet: `written` is the
    node before such references are followed.
    """
    target = locate(path, str(node["_target_"]))
    empty = [name for name, value in written.items() if value is None and name not in HYDRAS_OWN]
    hints = hints_of(target) if empty else {}
    for name in empty:
        # Many hints of others say int where None is the default.
        if hints.get(name) in (bool, int, float) and inspect.signature(target).parameters[name].default is not None:
            raise UserError(f"{path}.{name}=null does not fit: {node['_target_']} takes {described(hints[name])}")


def check_reads(path: str, node: Node) -> None:
    """Check that what a term or metric reads has arguments to go to."""
    target = locate(path, str(node["_target_"]))
    for method in ("update", "forward", "__call__"):
        function = getattr(target, method, None)
        if inspect.isfunction(function):
            names = inspect.signature(function).parameters
            for name in node["reads"]:
                if name not in names:
                    raise UserError(
                        f"{path}.reads.{name}: {node['_target_']} has no such argument{suggestion(name, names)}"
                    )
            return


def locate(path: str, name: str) -> Callable[..., Any]:
    """Import what a `_target_` names: the longest part of it that is a module, and then its attributes."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:length])
        try:
            found: Any = import_module(module)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                raise UserError(f"{path}._target_: {module} cannot be imported: {error}") from error
            continue
        except ImportError as error:
            raise UserError(f"{path}._target_: {module} cannot be imported: {error}") from error
        for number, part in enumerate(parts[length:], start=length):
            if not hasattr(found, part):
                known = [item.name for item in pkgutil.iter_modules(getattr(found, "__path__", []))]
                known += [word for word in vars(found) if not word.startswith("_")]
                owner = ".".join(parts[:number])
                raise UserError(f"{path}._target_: {owner} has no {part!r}{suggestion(part, known)}")
            found = getattr(found, part)
        if not callable(found):
            raise UserError(f"{path}._target_: {name} is nothing that can be called")
        return typing.cast(Callable[..., Any], found)
    raise UserError(f"{path}._target_: there is no module {parts[0]!r}, neither installed nor in {Path.cwd()}")


def hints_of(target: Callable[..., Any]) -> dict[str, Any]:
    """Return the type hints of what is called, without those that name what is not there at run time."""
    function = inspect.unwrap(target.__init__) if inspect.isclass(target) else target
    with suppress(NameError, TypeError, AttributeError):
        return typing.get_type_hints(function)
    found: dict[str, Any] = {}
    for name, said in getattr(function, "__annotations__", {}).items():
        alone = types.SimpleNamespace(__annotations__={name: said})
        with suppress(NameError, TypeError, AttributeError):
            found |= typing.get_type_hints(alone, getattr(function, "__globals__", {}))
    return found


def options(hint: Any) -> tuple[Any, ...]:
    """Return what a union is of; what is none is of itself."""
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return typing.get_args(hint) if union else (hint,)


def fits(value: Any, hint: Any) -> bool:
    """Whether a value out of YAML fits a type hint; what YAML cannot hold, and null, is left to the constructor."""
    if value is None or (isinstance(value, Mapping) and "_target_" in value):
        return True
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if len(several := options(hint)) > 1:
        return any(fits(value, option) for option in several if option is not type(None))
    if origin is typing.Literal:
        return value in arguments
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint in (bool, str):
        return isinstance(value, hint)
    if hint is Path:
        return isinstance(value, str)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if len(arguments) != 2:
            return isinstance(value, Mapping)
        return isinstance(value, Mapping) and all(fits(one, arguments[1]) for one in value.values())
    if isinstance(origin, type) and issubclass(origin, Iterable) and not issubclass(origin, type):
        items = [argument for argument in arguments if argument is not Ellipsis]
        return isinstance(value, list) and (len(items) != 1 or all(fits(item, items[0]) for item in value))
    return True


def described(hint: Any) -> str:
    """Return a type hint as people write it."""
    if len(several := options(hint)) > 1:
        return " | ".join("None" if option is type(None) else described(option) for option in several)
    return hint.__name__ if inspect.isclass(hint) else str(hint).replace("typing.", "").replace("collections.abc.", "")
