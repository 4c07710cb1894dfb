"""Scores the generator of a run, or one that learns nothing, on a split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from henkan.config.build import build
from henkan.config.resolved import Config
from henkan.data.pictures import Pictures
from henkan.data.splits import Split
from henkan.evaluation.along import along, write_curve
from henkan.evaluation.blend import Blend, ensembled
from henkan.evaluation.written import as_table, save_picture, write_scores
from henkan.files import digest_of, read_json, write_json
from henkan.networks.modes import learns
from henkan.progress import followed
from henkan.runs.identity import evaluation_parts, identify
from henkan.sample import Sample
from henkan.scoring.asked import check_asked
from henkan.scoring.evaluation_set import evaluation_set, scored
from henkan.scoring.evaluator import Evaluator, Scores, selection
from henkan.training import checkpoint
from henkan.training.assemble import build_network, build_transform, device_for
from henkan.training.loggers import RunLogger


def score_run(
    config: Config,
    pictures: Pictures,
    folder: Path,
    weights: Path | None = None,
    logger: RunLogger | None = None,
    again: bool = True,
    blend: Blend | None = None,
) -> dict[str, float]:
    """Score the generator of the checkpoint in `folder` (or of `weights`) and write what was found into `folder`.

    With `blend` what is scored lies between that and another run's. Returns the mean of every score. Without `again`,
    scores of the same identity that are there already are returned.
    """
    settings = config["evaluation"]
    split = settings["split"]
    if split is None:
        return {}
    check_asked(config)
    iteration: int | None = None
    network, parts = build_network(config, "generator"), evaluation_parts(config, pictures)
    if learns(network):
        path = checkpoint.find_checkpoint(weights or folder)
        state = checkpoint.load(path)
        iteration = state.get("iteration")
        checkpoint.load_weights(network, checkpoint.generator(state), path)
        parts["weights"] = digest_of(path)
        if blend is not None:
            network, parts["blend"] = blend(network), blend.name
    identity, facts = identify(parts), folder / "evaluation.json"
    if not again and facts.is_file():
        known = read_json(facts, "henkan evaluate run=… writes it again", dict)
        if known.get("identity") == identity:
            means: dict[str, float] = known["means"]
            return means
    network = ensembled(network, config)
    scores = score(config, pictures, network, folder, split)
    # Runs of before there were areas have no edges.
    write_scores(scores, folder, settings.get("areas"))
    write_curve(along(config, pictures, network, split), folder)
    means = scores.means()
    found: dict[str, Any] = {"identity": identity, "split": split, "pictures": len(scores.files), "means": means}
    if iteration is not None:
        found["iteration"] = iteration
    write_json(facts, {**found, "absent": scores.absent})
    if logger is not None:
        logger.table(split, *as_table(scores, folder / "pictures"))
    return means


def score(config: Config, pictures: Pictures, network: nn.Module, folder: Path, split: Split) -> Scores:
    """Score a generator on a split, and keep some of its pictures in `folder`."""
    settings, config = config["evaluation"], scored(config)
    transform = build_transform(config)
    data = evaluation_set(config, pictures, split, settings["framing"])
    chosen = selection(len(data), settings["pictures"])
    # A selection holds every smaller one.
    shown = [index for index in selection(len(data), settings["kept"]) if index in chosen]
    kept: list[str] = []
    written: set[Path] = set()

    def keep(index: int, sample: Sample) -> None:
        advance()
        if index in shown:
            number = shown.index(index)
            kept.append(sample["name"][0])
            panels = transform.task.panels(sample)
            if "postprocessed" in sample:
                panels["postprocessed"] = sample["postprocessed"]
            for name, image in panels.items():
                path = folder / "pictures" / f"{number:02d}_{name}.png"
                save_picture(image[0], path)
                written.add(path)

    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    node = config.get("postprocess")
    postprocess = None if node is None else build(node)
    evaluator = Evaluator(config["metric"], settings["batch"], postprocess=postprocess)
    with followed(f"scores of {settings['split']}", len(chosen), "picture") as advance:
        scores = evaluator.evaluate(transform, network.to(device_for(config)), data, settings["pictures"], keep)
    for path in set((folder / "pictures").glob("[0-9]*_*.png")) - written:
        # Of an earlier evaluation, which showed more.
        path.unlink()
    write_json(folder / "pictures" / "index.json", kept)
    return scores
