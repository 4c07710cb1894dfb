"""What can be known of the pictures before the first iteration, and would otherwise end a run after the last one."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import torch

from henkan.config.build import build
from henkan.config.resolved import Config, Node
from henkan.data.cache import cache_folder, recalled, remember
from henkan.data.kept import keeping_none
from henkan.data.pictures import Pictures
from henkan.data.splits import Split
from henkan.data.stream import EvaluationSet
from henkan.errors import UserError
from henkan.progress import followed
from henkan.runs.identity import by_contents, digest, manifest_of
from henkan.runs.plan import Plan
from henkan.scoring.evaluation_set import evaluation_set, scored
from henkan.scoring.evaluator import selection
from henkan.training.streams import stream_nodes

# Fewer are read before a bar could be.
WORTH_A_BAR = 500
LIST = "henkan data data=... lists all"


def check_pictures(plan: Plan) -> None:
    """Check that there are pictures to train on and to score, and masks for them; every scored one is read once.

    What was found readable is remembered in the cache by the contents. Raises `UserError` naming the first that is not,
    and how many there are.
    """
    config, split = plan.config, plan.config["evaluation"]["split"]
    nodes = stream_nodes(config)
    for name, pictures in plan.streams.items():
        names = pictures.some_names("train") if plan.trains else ()
        check_partners(pictures, nodes[name]["degradation"], names)
    if split is not None and not plan.pictures.names(split):
        raise UserError(
            f"{plan.pictures.where}: the split {split}, which is scored after training, is empty: put pictures into a "
            f"folder named {split}, or score none with evaluation.split=null"
        )
    if plan.trains:
        validation = config["validation"]
        check_scored(plan, config, "val", validation["framing"], validation["pictures"])
    if split is not None:
        evaluation = config["evaluation"]
        check_scored(plan, scored(config), split, evaluation["framing"], evaluation["pictures"])


def check_partners(pictures: Pictures, degradation: Node, names: Sequence[str]) -> None:
    """Raise `UserError` where pictures lack what the degradation looks up by their names, or its files are bad."""
    built = build(degradation)
    built.check()
    if lacking := built.lacking(names):
        raise UserError(
            f"{pictures.where}: {len(lacking):,} of {len(names):,} pictures have no mask, the first is {lacking[0]}: "
            "give each one of the same name, or remove the picture"
        )


def check_scored(
    plan: Plan, config: Config, split: Split, framing: Node | Literal["trained", "whole"] | None, limit: int | None
) -> None:
    """Draw each sample of a split that is scored, unless that was done before; see `check_pictures`."""
    names = plan.pictures.some_names(split)
    check_partners(plan.pictures, config["degradation"], names)
    if (
        not plan.pictures.ready
        and not plan.pictures.files(names[0])
        and build(config["degradation"]).manifest() is None
    ):
        # What a package brings is whole.
        return
    parts = [
        manifest_of(config, plan.pictures, [split]),
        names,
        split,
        framing,
        by_contents(config["degradation"], names),
        limit,
        config["evaluation"]["seed"],
    ]
    memory = cache_folder(config["paths"]["cache"]) / "readable" / f"{digest(parts)}.json"
    if recalled(memory):
        return
    samples = evaluation_set(config, keeping_none(plan.pictures), split, framing)
    chosen = selection(len(samples), limit)
    wrong = [found for found in unreadable(samples, chosen, f"reading {split}") if found is not None]
    if wrong:
        others = f" (and {len(wrong) - 1:,} more of {split}; {LIST})" if len(wrong) > 1 else f" (it is scored: {split})"
        raise UserError(f"{wrong[0]}{others}")
    remember(memory, True)


def unreadable(samples: EvaluationSet, chosen: Sequence[int], title: str) -> list[str | None]:
    """Return for each chosen sample why it cannot be had, None where it can."""

    def reason(index: int) -> str | None:
        try:
            samples[index]
        except UserError as error:
            return str(error)
        return None

    with ThreadPoolExecutor(max(1, torch.get_num_threads())) as pool:
        found = pool.map(reason, chosen)
        if len(chosen) < WORTH_A_BAR:
            return list(found)
        results = []
        try:
            with followed(title, len(chosen), "picture") as advance:
                for result in found:
                    results.append(result)
                    advance()
        finally:
            # Interrupted, the pool would go through all of them first.
            pool.shutdown(wait=False, cancel_futures=True)
    return results
