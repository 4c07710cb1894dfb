"""What the config of a run that somebody else made may build: classes of henkan and torch, each in its place.

A `_target_` may be any callable of any module, and importing a module runs it. So a name is judged before anything is
imported, and what it names once more afterwards: `henkan.files.os.system` begins well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from henkan.config.signatures import targets
from henkan.errors import UserError


@dataclass(frozen=True)
class Kind:
    """The classes that are defined in a module, or in a package and below, and derive from `base` (None: from any).

    Both are names, as in YAML: the rooms that they name stand above this one.
    """

    room: str
    base: str | None = None

    def has(self, name: str) -> bool:
        """Whether a dotted name is that of such a class; only modules of the room are imported to find out."""
        module, _, attribute = name.rpartition(".")
        if not within(module, self.room) or not all(part.isidentifier() for part in name.split(".")):
            return False
        try:
            found = vars(import_module(module)).get(attribute)
        except ImportError:
            return False
        if not isinstance(found, type) or not within(found.__module__, self.room) or found.__qualname__ != attribute:
            return False
        return self.base is None or issubclass(found, class_named(self.base))


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def class_named(name: str) -> type:
    module, _, attribute = name.rpartition(".")
    found: type = getattr(import_module(module), attribute)
    return found


MODULE = "torch.nn.Module"
PICTURES = Kind("henkan.data", "henkan.data.pictures.Pictures")
LAYER = Kind("torch.nn", MODULE)
# What may be built at which place of a config, as patterns of dotted paths; anything else may be built nowhere.
PLACES: dict[str, tuple[Kind, ...]] = {
    r"task": (Kind("henkan.tasks", "henkan.tasks.task.Task"),),
    r"predictor": (Kind("henkan.prediction", "henkan.prediction.predictor.Predictor"),),
    r"(streams\.[^.]+\.)?data": (PICTURES,),
    r"screen": (Kind("henkan.data.few"), Kind("henkan.data.near_grey")),
    r"(streams\.[^.]+\.)?augmentation|(validation|evaluation)\.framing": (
        Kind("henkan.data", "henkan.data.framing.Framing"),
    ),
    r"(streams\.[^.]+\.)?augmentation\..+": (Kind("henkan.data", "henkan.data.operator.Operator"),),
    r"((streams\.[^.]+|evaluation)\.)?degradation": (
        Kind("henkan.degradations", "henkan.degradations.degradation.Degradation"),
    ),
    # Its operators, the degradation that it reverses, the pictures whose outlines are holes, what fills these.
    r"((streams\.[^.]+|evaluation)\.)?degradation\..+": (
        Kind("henkan.degradations"),
        PICTURES,
        Kind("henkan.baselines", "henkan.baselines.filling.Filling"),
        Kind("henkan.prediction.trained_filling"),
    ),
    r"generator(\..+)?": (Kind("henkan.generators", MODULE), Kind("henkan.baselines", MODULE), LAYER),
    r"discriminator(\..+)?": (Kind("henkan.discriminators", MODULE), LAYER),
    r"discriminator\.features": (Kind("henkan.pretrained.features", MODULE),),
    r"judged_augmentation": (Kind("henkan.discriminators.augment"),),
    r"loss\.[^.]+": (Kind("henkan.losses"),),
    r"loss\.[^.]+\..+": (Kind("henkan.losses"), Kind("henkan.pretrained.features", MODULE)),
    r"metric\.[^.]+": (Kind("henkan.metrics"),),
    r"postprocess": (Kind("henkan.postprocessing"),),
    r"logger": (Kind("henkan.training.loggers", "henkan.training.loggers.RunLogger"),),
    r"optimizer\.[^.]+": (Kind("torch.optim", "torch.optim.Optimizer"),),
    # One, or several in turn.
    r"scheduler\.[^.]+(\.schedulers\.\d+)?": (
        Kind("torch.optim.lr_scheduler", "torch.optim.lr_scheduler.LRScheduler"),
        Kind("henkan.training.in_turn", "torch.optim.lr_scheduler.LRScheduler"),
    ),
}


def check_foreign(config: DictConfig, path: Path) -> None:
    """Check what a config, read from the file `path`, would build; nothing of it is resolved or built.

    Raises `UserError` for a `_target_` that is not a class for its place, and for an interpolation, which could read
    the environment into the record: no run writes one.
    """
    plain = OmegaConf.to_container(config, resolve=False)
    for place, text in strings(plain):
        if "${" in text:
            raise UserError(
                f"{path}: {place}={short(text)} refers to something, which no run of henkan does; {WAY_OUT}"
            )
    for place, node in targets(plain):
        name = node["_target_"]
        kinds = [kind for pattern, all in PLACES.items() if re.fullmatch(pattern, place) for kind in all]
        if not isinstance(name, str) or not any(kind.has(name) for kind in kinds):
            raise UserError(f"{path}: {place}._target_={short(name)} is no class that henkan has for this; {WAY_OUT}")


WAY_OUT = "as the run was not made here, it could run any code: give trust=true if you trust who made it"


def strings(node: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield the place and the text of every string."""
    if isinstance(node, str):
        yield place, node
    elif isinstance(node, Mapping):
        for name, child in node.items():
            yield from strings(child, f"{place}.{name}" if place else str(name))
    elif isinstance(node, list):
        for number, child in enumerate(node):
            yield from strings(child, f"{place}.{number}")


def short(value: Any) -> str:
    """Return what a stranger wrote for a line on the terminal: of bounded length, without control characters."""
    text = value if isinstance(value, str) and value.isprintable() else ascii(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
