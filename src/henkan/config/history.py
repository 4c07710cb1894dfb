"""What configs of before said otherwise: where things lay, and which options were not there yet.

Whoever moves what a `_target_` names adds a line to `MOVED`, whoever adds an option adds one to `INTRODUCED`, whoever
takes one away adds one to `WITHDRAWN`: then run folders of before stay readable, and what they trained keeps its
identity.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from henkan.config.trees import config_folders

# Module or package, as it was first called -> as it is called now.
MOVED = {
    "henkan.build": "henkan.config.build",
    "henkan.features": "henkan.pretrained.features",
    "henkan.layers": "henkan.networks.layers",
    "henkan.predictors": "henkan.prediction",
    "henkan.residual": "henkan.networks.residual",
    "henkan.tiling": "henkan.prediction.tiling",
    "henkan.weights": "henkan.pretrained.weights",
}
# Option -> the value at which a run is what it was before there was the option.
INTRODUCED: dict[str, Any] = {
    "balance": {},
    "checkpoint.keep.minutes": None,
    "evaluation.ensemble": False,
    "judged_augmentation": None,
    "optimizer.rates": None,
    "paths.weights": None,
    "point": None,
    "resume_from": None,
    "swept": None,
    "variant": None,
}
# Class -> options that it no longer has, and that no result depended on.
WITHDRAWN: dict[str, tuple[str, ...]] = {"henkan.data.near_grey.NearGrey": ("cache",)}
# Class -> options that data say of themselves: their hash stands for these in an identity.
OF_DATA: dict[str, tuple[str, ...]] = {"henkan.degradations.identity.Identity": ("fill",)}
# The color of holes where nothing has said another.
MIDDLE = [0.5, 0.5, 0.5]
# What sources of pictures in files were given together.
FOLDER: dict[str, Any] = {"group": None, "skip_broken": False, "manifest": "contents"}
SHELVED: dict[str, Any] = {**FOLDER, "cache_side": None}
# The same of options of a class, which stand beside its `_target_`; where they are absent it knows its own default.
OF_CLASSES: dict[str, dict[str, Any]] = {
    "henkan.data.depth_folder.DepthFolder": FOLDER,
    "henkan.data.image_folder.ImageFolder": SHELVED,
    "henkan.data.labelled_folder.LabelledFolder": FOLDER,
    "henkan.data.line_folder.LineFolder": SHELVED,
    "henkan.data.paired_folder.PairedFolder": SHELVED,
    "henkan.data.paired_lines.PairedLines": SHELVED,
    "henkan.data.resolution_pairs.ResolutionPairs": FOLDER,
    "henkan.data.saliency_folder.SaliencyFolder": {"group": None},
    "henkan.data.svg_folder.SvgFolder": {"group": None},
    "henkan.degradations.mask_files.DrawnMask": {"cache": None},
    "henkan.degradations.mask_files.FolderMasks": {"cache": None},
    "henkan.degradations.mask_files.NamedMasks": {"cache": None},
    "henkan.generators.johnson.Johnson": {"upsampling": "deconvolution"},
    "henkan.generators.smp.SMP": {"bounded": True},
    "henkan.generators.srresnet.MSRResNet": {"upsampling": "shuffle"},
}


def up_to_date(config: DictConfig) -> DictConfig:
    """Return a config that was written earlier as it would be written now; nothing in it is resolved."""
    plain = OmegaConf.to_container(config)
    assert isinstance(plain, dict)
    found = {str(key): value for key, value in without_withdrawn(renamed(plain, MOVED)).items()}
    if "task" in found and "predictor" not in found:
        found["predictor"] = predictor_of(found["task"])
    for option, value in INTRODUCED.items():
        *path, name = option.split(".")
        node = inner(found, path)
        if node is not None:
            node.setdefault(name, copy.deepcopy(value))
    if (task := found.get("task")) and str(task.get("_target_")).endswith(".Completion"):
        say_fill(found)
    return OmegaConf.create(found)


def say_fill(config: dict[str, Any]) -> None:
    """Write the color of holes into a config of completion by samples on disk, of before it stood there: their mean."""
    degradation = config.get("degradation")
    if degradation and degradation.get("_target_") in OF_DATA:
        mean = (config.get("statistics") or {}).get("mean")
        degradation.setdefault("fill", mean or MIDDLE)


def timeless(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return parts of a config so that equal runs have equal ones, whenever and however they were written.

    What has moved goes by its first name, an option at the value that it was introduced with is left out, and a number
    that is whole is one whichever way it is spelled (1 and 1.0).
    """
    found: dict[str, Any] = renamed(spelled(parts), {new: old for old, new in MOVED.items()})
    for option, value in INTRODUCED.items():
        *path, name = option.split(".")
        node = inner(found, path)
        if node is not None and name in node and node[name] == spelled(value):
            del node[name]
    kept: dict[str, Any] = without_defaults(found)
    return kept


def without_defaults(node: Any) -> Any:
    """Return a copy of a config without the options of classes that stand as they were introduced, or that data say."""
    if isinstance(node, Mapping):
        target = str(node.get("_target_"))
        introduced, of_data = OF_CLASSES.get(target, {}), OF_DATA.get(target, ())
        return {
            key: without_defaults(value)
            for key, value in node.items()
            if key not in of_data and (key not in introduced or value != introduced[key])
        }
    return [without_defaults(value) for value in node] if isinstance(node, list | tuple) else node


def without_withdrawn(node: Any) -> Any:
    """Return a copy of a config without the options that classes no longer have."""
    if isinstance(node, Mapping):
        gone = WITHDRAWN.get(str(node.get("_target_")), ())
        return {key: without_withdrawn(value) for key, value in node.items() if key not in gone}
    return [without_withdrawn(value) for value in node] if isinstance(node, list | tuple) else node


def renamed(node: Any, names: Mapping[str, str]) -> Any:
    """Return a copy of a config whose `_target_`s go by other names, what lies deepest being found first."""
    if isinstance(node, Mapping):
        return {
            key: moved(value, names) if key == "_target_" and isinstance(value, str) else renamed(value, names)
            for key, value in node.items()
        }
    return [renamed(value, names) for value in node] if isinstance(node, list | tuple) else node


def moved(target: str, names: Mapping[str, str]) -> str:
    """Return what a target is called by the names of a table: its longest entry that the target lies in."""
    for name in sorted(names, key=len, reverse=True):
        if target.startswith(f"{name}."):
            return names[name] + target[len(name) :]
    return target


def spelled(node: Any) -> Any:
    """Return a copy of plain values in which whole numbers are integers."""
    if isinstance(node, Mapping):
        return {key: spelled(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [spelled(value) for value in node]
    return int(node) if isinstance(node, float) and node.is_integer() else node


def inner(config: Mapping[str, Any], path: list[str]) -> Any:
    """Return the mapping at a path, or None where there is none."""
    node: Any = config
    for name in path:
        node = node.get(name) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else None


def predictor_of(task: Mapping[str, Any]) -> Any:
    """Return what the config of a task says applies its generators; None where no config is of that task."""
    for folder in config_folders():
        for path in sorted((folder / "task").glob("*.yaml")):
            known = yaml.safe_load(path.read_text(encoding="utf-8"))
            if known.get("task", {}).get("_target_") == task.get("_target_"):
                return known.get("predictor")
    return None
