"""Two identities: what a run's weights depend on, and what a shared prefix of it depends on. Plain hashes.

Equal runs have equal identities, however they were written down: see `henkan.config.history`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from henkan.config.build import build
from henkan.config.history import timeless
from henkan.data.pictures import Pictures
from henkan.data.splits import Split
from henkan.pretrained.weights import hash_of, located
from henkan.sample import PAIRED
from henkan.scoring.evaluation_set import TRAINED, are_whole, at_scale
from henkan.terms.term import Term
from henkan.training.schedule import NETWORKS, Phase, Schedule, active
from henkan.training.streams import streams_read

# Rises when the same config comes to mean other weights, or an identity comes to be made otherwise: runs of before are
# then trained anew, and CHANGELOG.md says why.
VERSION = 2
# What the weights do not depend on. Everything that is not named here counts, so that a new setting, if anything,
# trains once too often, and never passes off another run's weights as its own.
WITHOUT_EFFECT = (
    # It stands with the terms that it is about.
    "balance",
    "checkpoint",
    # Where a recipe's pictures lie: their contents count.
    "content",
    "style",
    "evaluation",
    "experiment",
    "init",
    "recipe",
    "logger",
    "metric",
    "objective",
    "paths",
    "point",
    "postprocess",
    "predictor",
    "rerun",
    "resume_from",
    "run",
    "scale",
    "study",
    "swept",
    "validation",
    "variant",
    "weights",
)
# What scores depend on, beside the weights and the pictures.
SCORED = ("evaluation", "metric", "task", "degradation", "generator", "postprocess")
# The splits that training reads: the first to learn from, the second for its curves.
LEARNED: tuple[Split, ...] = ("train", "val")
# Of the trainer, only what changes the arithmetic counts.
TRAINER_WITH_EFFECT = ("precision", "channels_last")
# The same, of options that were added later: runs without them keep the identity that they had before.
TRAINER_OPTIONS = ("compile",)


def digest(content: Any) -> str:
    """Return the SHA-256 of a JSON-able value, the same for equal values."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def identify(parts: Mapping[str, Any]) -> str:
    """Return the identity of what depends on `parts` of a config and nothing else."""
    return digest({"version": VERSION, **timeless(parts)})


def fingerprint(
    config: Mapping[str, Any],
    manifests: Mapping[str, str],
    terms: list[Term],
    phases: tuple[Phase, ...],
    init: str | None,
    split: Mapping[str, int],
    origin: str | None = None,
) -> dict[str, Any]:
    """Return what the weights after `phases` depend on: the resolved config without what has no effect.

    `init` and `origin` are the hashes of the checkpoints that give first weights, and that training goes on from.
    The data's place is replaced by the hash of its contents; streams that no term reads, a discriminator that the
    phases never update, the terms that none of them uses and the phases themselves are left out or kept accordingly.
    `split` tells the networks with batch statistics over how many processes their batches are split.
    """
    kept = {name: value for name, value in config.items() if name not in WITHOUT_EFFECT}
    kept["trainer"] = {name: config["trainer"][name] for name in TRAINER_WITH_EFFECT}
    kept["trainer"] |= {name: True for name in TRAINER_OPTIONS if config["trainer"].get(name)}
    kept["data"], kept["manifest"] = without_place(config["data"]), manifests[PAIRED]
    clip = config["optimizer"]["clip"]
    if isinstance(clip, Mapping) and len({clip.get(network) for network in NETWORKS}) == 1:
        # One number is meant for each network.
        kept["optimizer"] = {**kept["optimizer"], "clip": clip.get(NETWORKS[0])}
    kept["generator"] = by_files(config["generator"])
    kept["screen"] = without_place(config.get("screen") or {})
    kept["init"] = init
    if origin is not None:
        kept["resume_from"] = origin
    kept["streams"] = {
        name: {**config["streams"][name], "data": without_place(config["streams"][name]["data"]), "manifest": own}
        for name, own in manifests.items()
        if name != PAIRED and name in streams_read(terms, phases)
    }
    # Terms are summed in order of their names, whichever way they were chosen.
    kept["schedule"] = [
        [
            phase.name,
            phase.iterations,
            phase.update,
            phase.terms and sorted(phase.terms),
            *([phase.ratio] if phase.ratio > 1 else []),
        ]
        for phase in phases
    ]
    judged = any("discriminator" in phase.update for phase in phases)
    if found := {name: count for name, count in split.items() if judged or name != "discriminator"}:
        kept["split"] = found
    kept["loss"] = {}
    for term in terms:
        users = [phase for phase in phases if term in active(terms, phase)]
        if users:
            node = dict(config["loss"][term.name])
            # An objective's weight is the generator's: runs that differ by it share the discriminator's own phase.
            weighed = any(network in phase.update for phase in users for network in term.loss.weighs)
            if not weighed or term.balance is not None:
                node.pop("weight", None)
            if weighed and term.balance is not None:
                node["balance"] = term.balance
            if (values := term.loss.depends_on()) is not None:
                node["values"] = values
            kept["loss"][term.name] = node
    if not judged:
        kept.pop("discriminator", None)
        kept.pop("judged_augmentation", None)
        for group in ("optimizer", "scheduler"):
            kept[group] = {name: value for name, value in kept[group].items() if name != "discriminator"}
    return kept


def without_place(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what data are, without where they lie."""
    return {name: value for name, value in data.items() if name not in ("path", "cache")}


def manifest_of(config: Mapping[str, Any], pictures: Pictures, splits: Collection[Split]) -> str:
    """Return a hash of the contents of all files that samples of some splits are made of: pictures, and masks where
    they are files.
    """
    own, masks = pictures.manifest_of(splits), build(config["degradation"]).manifest_of(names_of(pictures, splits))
    return own if masks is None else digest([own, masks])


def names_of(pictures: Pictures, splits: Collection[Split]) -> list[str]:
    return [name for split in splits for name in pictures.names(split)]


def by_contents(degradation: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return a degradation with the hash of the files that it draws from, for some pictures, in place of where they
    lie.
    """
    manifest = build(degradation).manifest_of(names)

    def placeless(node: Any) -> Any:
        if isinstance(node, Mapping):
            return {name: placeless(value) for name, value in without_place(node).items()}
        return [placeless(value) for value in node] if isinstance(node, list) else node

    return dict(degradation) if manifest is None else {**placeless(degradation), "manifest": manifest}


def evaluation_parts(config: Mapping[str, Any], pictures: Pictures) -> dict[str, Any]:
    """Return what scores depend on, beside the weights: an evaluation's own identity is their hash.

    Of the pictures, those of the split that is scored count. A generator that learns nothing has no other identity:
    what it is scored on is all there is to its run.
    """
    parts = {name: config[name] for name in SCORED if config.get(name) is not None}
    split = config.get("evaluation", {}).get("split")
    splits: tuple[Split, ...] = () if split is None else (split,)
    names = names_of(pictures, splits)
    if degradation := config.get("degradation"):
        parts["degradation"] = by_contents(degradation, names)
    if own := config.get("evaluation", {}).get("degradation"):
        parts["evaluation"] = {**config["evaluation"], "degradation": by_contents(own, names)}
    if "evaluation" in parts and are_whole(config):
        # However it is said.
        parts["evaluation"] = {**parts["evaluation"], "framing": None}
    elif "evaluation" in parts and config["evaluation"].get("framing") == TRAINED and (scale := at_scale(config)):
        parts["evaluation"] = {**parts["evaluation"], "framing": {TRAINED: vars(scale)}}
    if data := config.get("data"):
        parts["data"] = without_place(data)
    parts["generator"] = by_files(config["generator"])
    return {**parts, "manifest": manifest_of(config, pictures, splits)}


def by_files(generator: Mapping[str, Any]) -> dict[str, Any]:
    """Return a generator with the hash of what is in files in place of where they lie.

    A picture that colors are taken from (nothing of one that is not there), and weights that it comes with.
    """
    found = dict(generator)
    if reference := generator.get("reference"):
        found["reference"] = hash_of(Path(reference)) if Path(reference).is_file() else None
    if isinstance(weights := generator.get("weights"), str):
        found["weights"] = hash_of(located(weights))
    return found


def prefixes(
    config: Mapping[str, Any],
    manifests: Mapping[str, str],
    terms: list[Term],
    schedule: Schedule,
    init: str | None,
    split: Mapping[str, int],
    origin: str | None = None,
) -> dict[int, str]:
    """Return, for each phase boundary but the last, the iteration and the identity of everything up to it."""
    return {
        end: identify(fingerprint(config, manifests, terms, schedule.phases[: number + 1], init, split, origin))
        for number, end in enumerate(schedule.ends[:-1])
    }
