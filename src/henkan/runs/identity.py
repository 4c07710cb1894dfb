"""Two identities: what a run's weights depend on, and what a shared prefix of it depends on. Plain hashes."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from henkan.losses.adversarial import Adversarial
from henkan.training.schedule import Phase, Schedule
from henkan.training.streams import streams_read
from henkan.training.terms import PAIRED, Term, active

# What the weights do not depend on. Everything that is not named here counts, so that a new setting, if anything,
# trains once too often, and never passes off another run's weights as its own.
WITHOUT_EFFECT = (
    "checkpoint",
    "evaluation",
    "experiment",
    "init",
    "recipe",
    "logger",
    "metric",
    "objective",
    "paths",
    "postprocess",
    "predictor",
    "rerun",
    "resume_from",
    "run",
    "scale",
    "study",
    "validation",
    "weights",
)
# What scores depend on, beside the weights and the pictures.
SCORED = ("evaluation", "metric", "task", "degradation", "generator", "postprocess")
# Of the trainer, only what changes the arithmetic counts.
TRAINER_WITH_EFFECT = ("precision", "channels_last")
# Sources that every run goes through, beside those that its config names.
SHARED_CODE = (
    "training/*.py",
    "data/*.py",
    "tasks/*.py",
    "losses/per_image.py",
    "layers.py",
    "sample.py",
    "transform.py",
)


def digest(content: Any) -> str:
    """Return the SHA-256 of a JSON-able value, the same for equal values."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint(
    config: Mapping[str, Any],
    manifests: Mapping[str, str],
    terms: list[Term],
    phases: tuple[Phase, ...],
    init: str | None,
    origin: str | None = None,
) -> dict[str, Any]:
    """Return what the weights after `phases` depend on: the resolved config without what has no effect.

    `init` and `origin` are the hashes of the checkpoints that give first weights, and that training goes on from.
    The data's place is replaced by the hash of its contents; streams that no term reads, a discriminator that the
    phases never update, the terms that none of them uses and the phases themselves are left out or kept accordingly.
    """
    kept = {name: value for name, value in config.items() if name not in WITHOUT_EFFECT}
    kept["trainer"] = {name: config["trainer"][name] for name in TRAINER_WITH_EFFECT}
    kept["data"], kept["manifest"] = without_place(config["data"]), manifests[PAIRED]
    kept["screen"] = without_place(config.get("screen") or {})
    kept["init"] = init
    if origin is not None:
        kept["resume_from"] = origin
    kept["streams"] = {
        name: {**config["streams"][name], "data": without_place(config["streams"][name]["data"]), "manifest": own}
        for name, own in manifests.items()
        if name != PAIRED and name in streams_read(terms, phases)
    }
    kept["schedule"] = [[phase.name, phase.iterations, phase.update, phase.terms] for phase in phases]
    judged = any("discriminator" in phase.update for phase in phases)
    kept["loss"] = {}
    for term in terms:
        users = [phase for phase in phases if term in active(terms, phase)]
        if users:
            node = dict(config["loss"][term.name])
            # An objective's weight is the generator's: runs that differ by it share the discriminator's own phase.
            if isinstance(term.function, Adversarial) and all("generator" not in phase.update for phase in users):
                node.pop("weight", None)
            kept["loss"][term.name] = node
    if not judged:
        kept.pop("discriminator", None)
        for group in ("optimizer", "scheduler"):
            kept[group] = {name: value for name, value in config[group].items() if name != "discriminator"}
    return kept


def without_place(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what data are, without where they lie."""
    return {name: value for name, value in data.items() if name not in ("path", "cache")}


def evaluation_parts(config: Mapping[str, Any], manifest: str) -> dict[str, Any]:
    """Return what scores depend on, beside the weights: an evaluation's own identity is their hash.

    A generator that learns nothing has no other: what it is scored on is all there is to its run.
    """
    parts = {name: config[name] for name in SCORED if config.get(name) is not None}
    if reference := config["generator"].get("reference"):
        # A picture that colors are taken from: what it shows counts.
        parts["generator"] = {**config["generator"], "reference": contents_of(Path(reference))}
    return {**parts, "manifest": manifest}


def contents_of(path: Path) -> str | None:
    """Return the hash of a file's contents; nothing of one that is not there."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def prefixes(
    config: Mapping[str, Any],
    manifests: Mapping[str, str],
    terms: list[Term],
    schedule: Schedule,
    init: str | None,
    origin: str | None = None,
) -> dict[int, str]:
    """Return, for each phase boundary but the last, the iteration and the identity of everything up to it."""
    return {
        end: digest(fingerprint(config, manifests, terms, schedule.phases[: number + 1], init, origin))
        for number, end in enumerate(schedule.ends[:-1])
    }


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


def code(parts: Mapping[str, Any]) -> dict[str, str]:
    """Return the hash of the source of every `_target_` in a fingerprint, by module, and of what all runs share."""
    here = Path(__file__).parents[1]
    shared = [path for pattern in SHARED_CODE for path in here.glob(pattern)]
    files = {".".join(("henkan", *path.relative_to(here).with_suffix("").parts)): path for path in shared}
    for target in set(targets(parts)):
        found = _module_of(target)
        if found is not None:
            files[found[0]] = found[1]
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for name, path in sorted(files.items())
        if "site-packages" not in path.parts or name.startswith("henkan")
    }


def changed(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return the modules that two records of code both have, with another source."""
    return sorted(name for name in then.keys() & now.keys() if then[name] != now[name])


def _module_of(target: str) -> tuple[str, Path] | None:
    parts = target.split(".")
    for length in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:length])
        try:
            spec = importlib.util.find_spec(name)
        except ModuleNotFoundError:
            continue
        if spec is not None and spec.origin is not None and Path(spec.origin).suffix == ".py":
            return name, Path(spec.origin)
    return None
