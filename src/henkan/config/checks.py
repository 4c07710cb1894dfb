"""Binds what a config names to be built to the signatures of it, and values to the kinds that they replace."""

from __future__ import annotations

import inspect
import pkgutil
import types
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from henkan.config import resolved
from henkan.config.composition import compose_root
from henkan.config.explain import suggestion
from henkan.config.resolved import Node
from henkan.config.trees import group_options
from henkan.errors import UserError

# What Hydra itself reads in a node that names something to build.
HYDRAS_OWN = {"_target_", "_args_", "_partial_", "_recursive_", "_convert_"}
PRECISIONS = ("auto", "32-true", "bf16-mixed")
# What the framework reads in the nodes of a group; the rest goes to the constructor.
FRAMEWORKS_OWN = {"loss": {"reads", "weight", "stream", "against"}, "metric": {"reads", "better"}}


def check_config(cfg: DictConfig) -> None:
    """Check a composed config before anything is loaded or built.

    Raises `UserError` for a key that nothing reads, a loss term without `_target_`, a `_target_` that does not exist,
    settings that its signature does not have, lacks or whose type does not fit; OmegaConf's own errors for values that
    are missing.
    """
    written = OmegaConf.to_container(cfg)
    assert isinstance(written, dict)
    check_keys(written)
    plain = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    assert isinstance(plain, dict)
    check_precision(plain.get("trainer") or {})
    for name, node in (plain.get("loss") or {}).items():
        if not isinstance(node, Mapping) or "_target_" not in node:
            raise UserError(
                f"loss.{name} has settings but no _target_: it was not chosen; write loss=[...,{name}], or drop them"
            )
    for path, node in targets(plain):
        group, _, rest = path.partition(".")
        reserved = FRAMEWORKS_OWN.get(group, set()) if rest and "." not in rest else set()
        bind(path, node, reserved)
        if "reads" in reserved and node.get("reads"):
            check_reads(path, node)


def check_keys(written: Mapping[Any, Any]) -> None:
    """Raise `UserError` for a key that nothing reads, or that is missing, where code alone says which there are."""
    nodes: list[tuple[str, Any, Any]] = [(name, kind, written.get(name)) for name, kind in CLOSED.items()]
    nodes.append(("checkpoint.keep", resolved.Keep, (written.get("checkpoint") or {}).get("keep")))
    for group, kind in (("schedule", resolved.Phase), ("streams", resolved.Stream)):
        nodes += [(f"{group}.{name}", kind, node) for name, node in (written.get(group) or {}).items()]
    for path, kind, node in nodes:
        if not isinstance(node, Mapping):
            continue
        known = typing.get_type_hints(kind, include_extras=True)
        for key in node.keys() - known.keys():
            raise UserError(f"nothing reads {path}.{key}{suggestion(str(key), known)}")
        for key, hint in known.items():
            if key not in node and typing.get_origin(hint) is not typing.NotRequired:
                raise UserError(f"{path} has no {key}: say +{path}.{key}=…")


CLOSED: dict[str, Any] = {
    "trainer": resolved.Trainer,
    "optimizer": resolved.Optimizer,
    "average": resolved.Average,
    "checkpoint": resolved.Checkpoint,
    "validation": resolved.Validation,
    "evaluation": resolved.Evaluation,
}


def check_precision(trainer: Mapping[str, Any]) -> None:
    """Raise `UserError` for a precision that nothing here trains well in."""
    precision = trainer.get("precision", "auto")
    if str(precision).startswith("16"):
        raise UserError(
            f"trainer.precision={precision}: float16 needs its gradients scaled, clipping would take them so with "
            "fused optimizers, and a CPU would train in bfloat16; take bf16-mixed, which needs no scaling, or 32-true"
        )
    if precision not in PRECISIONS:
        raise UserError(f"trainer.precision={precision}: it is one of {', '.join(PRECISIONS)}")


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
    """Return the type hints of what is called, or none where they name what is not there at run time."""
    function = inspect.unwrap(target.__init__) if inspect.isclass(target) else target
    try:
        return typing.get_type_hints(function)
    except (NameError, TypeError, AttributeError):
        return {}


def fits(value: Any, hint: Any) -> bool:
    """Whether a value out of YAML fits a type hint; what YAML cannot hold, and null, is left to the constructor."""
    if value is None or (isinstance(value, Mapping) and "_target_" in value):
        return True
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, argument) for argument in arguments if argument is not type(None))
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
        return isinstance(value, Mapping)
    if isinstance(origin, type) and issubclass(origin, Iterable) and not issubclass(origin, type):
        items = [argument for argument in arguments if argument is not Ellipsis]
        return isinstance(value, list) and (len(items) != 1 or all(fits(item, items[0]) for item in value))
    return True


def described(hint: Any) -> str:
    """Return a type hint as people write it."""
    return hint.__name__ if inspect.isclass(hint) else str(hint).replace("typing.", "").replace("collections.abc.", "")


def check_types(cfg: DictConfig, overrides: Sequence[str], root: str = "train") -> None:
    """Raise `UserError` for an override whose value is of another kind than the value it replaces.

    Whole numbers, numbers, truth values, lists and mappings are kinds, and a number may be whole; text and null may be
    replaced by anything, and `auto` and null may replace anything.
    """
    check_balance(overrides, cfg)
    chosen = [word for word in overrides if group_options(override_key(word))]
    changed = [override_key(word) for word in overrides if word not in chosen and word[0] not in "+~"]
    if not changed:
        return
    reference = compose_root(root, chosen)
    for key in changed:
        before, after = (OmegaConf.select(config, key, throw_on_missing=False) for config in (reference, cfg))
        if before is None or after is None or after == "auto" or kind(before) == "text":
            continue
        if kind(after) != kind(before) and (kind(before), kind(after)) != ("number", "whole number"):
            raise UserError(f"{key}={after} does not fit: it takes a {kind(before)}, as in {key}={before}")


def check_objectives(names: Iterable[str], metric: Mapping[str, Node]) -> None:
    """Raise `UserError` for an objective that validation does not log, whatever is trained."""
    known = [f"val/{name}" for name, node in metric.items() if not is_of_a_set(name, node)]
    for name in names:
        if name not in known:
            of_a_set = name.startswith("val/") and name.removeprefix("val/") in metric
            why = ": validation takes no scores of a whole set" if of_a_set else suggestion(name, known)
            raise UserError(f"no run logs {name}{why}; validation logs {', '.join(known) or 'nothing'}")


# What a run logs beside its validation: the columns of `metrics.csv` by their beginnings.
LOGGED = ("balance", "clipped", "discriminator", "gradient", "learning_rate", "loss", "weighted")


def check_returned(objective: str | Sequence[str], metric: Mapping[str, Node], direction: Any = None) -> None:
    """Raise `UserError` for an objective that no run logs, or that a sweeper's `direction` would make worse."""
    names = [objective] if isinstance(objective, str) else [str(name) for name in objective]
    check_objectives((name for name in names if name.partition("/")[0] not in LOGGED), metric)
    if direction is None:
        return
    # One of Optuna's is a Direction.maximize where nobody has said it.
    said = [str(one).rpartition(".")[2] for one in (direction if OmegaConf.is_list(direction) else [direction])]
    if len(said) != len(names):
        raise UserError(
            f"objective={objective} is {len(names)} and hydra.sweeper.direction={','.join(said)} is {len(said)}: say "
            "one for each, as in hydra.sweeper.direction=[maximize,minimize]"
        )
    for name, one in zip(names, said, strict=True):
        better = metric.get(name.removeprefix("val/"), {}).get("better")
        wanted = {"higher": "maximize", "lower": "minimize"}.get(str(better), one)
        if one != wanted:
            raise UserError(f"{name} is better {better}: say hydra.sweeper.direction={wanted}, not {one}")


def is_of_a_set(name: str, node: Node) -> bool:
    """Whether a metric scores a whole set of pictures (see `henkan.metrics.set_metric`): only those have `compute`."""
    return hasattr(locate(f"metric.{name}", str(node["_target_"])), "compute")


def check_balance(overrides: Sequence[str], cfg: DictConfig | None = None) -> None:
    """Raise `UserError` where a term is given both a weight and a balance: one follows from the other.

    With the composed `cfg` also where a weight is given to what a recipe balances.
    """
    given = {override_key(word) for word in overrides if word.partition("=")[2] not in ("", "null")}
    for key in sorted(given):
        group, _, term = key.partition(".")
        balanced = None if cfg is None else OmegaConf.select(cfg, f"balance.{term}")
        if group == "weights" and balanced is not None and f"balance.{term}" not in given:
            raise UserError(
                f"{key} has no effect: balance.{term}={balanced} says how strong {term} is; take it back with "
                f"balance.{term}=null"
            )
        if group == "balance" and f"weights.{term}" in given:
            raise UserError(f"{key} and weights.{term} both say how strong {term} is: give one of them")


def override_key(word: str) -> str:
    """Return the key or group that an override is about."""
    return word.lstrip("+~").partition("=")[0].partition("@")[0]


def kind(value: Any) -> str:
    """Return what kind of value this is, in a word."""
    if isinstance(value, bool):
        return "truth value"
    if isinstance(value, int | float):
        return "whole number" if isinstance(value, int) else "number"
    if isinstance(value, str):
        return "text"
    return "mapping" if OmegaConf.is_dict(value) else "list"
