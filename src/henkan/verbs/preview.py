"""Draw what a configuration trains on: targets, sources, holes, and what its discriminator is shown. And below, what is
scored: pictures of the test split in the frames, sizes and with the holes that scores are of.

Writes a PNG, and prints its path; the generator is as it starts, or as `init` says.

  henkan preview experiment=glcic output=preview.png samples=6
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from omegaconf import DictConfig
from torch import Tensor

from henkan.config.values import count, none_or_more
from henkan.data.counted import tell
from henkan.data.stream import collate
from henkan.errors import UserError
from henkan.files import replaced
from henkan.ranks import say
from henkan.runs.plan import Plan, plan_run
from henkan.runs.start import initialize
from henkan.sample import PAIRED, Sample, named_arguments
from henkan.scoring.evaluation_set import evaluation_set, scored
from henkan.scoring.evaluator import selection
from henkan.terms.judge import SIDES, Judge
from henkan.training.assemble import build_transform, build_translator, training_stream
from henkan.training.streams import batch_sizes
from henkan.training.translator import Translator

# So many characters of what is said beside a row are shown.
NAME = 40


def main(cfg: DictConfig) -> None:
    path = Path(cfg.output).expanduser()
    if path.suffix.lower() != ".png":
        raise UserError(f"output={path}: a preview is a picture, FILE.png")
    count("samples", cfg.samples)
    none_or_more("iteration", cfg.iteration)
    plan = plan_run(cfg)
    if cfg.iteration and cfg.iteration >= len(plan.schedule):
        raise UserError(f"iteration={cfg.iteration}: there are {len(plan.schedule)}, counted from 0")
    for source in plan.streams.values():
        tell(source)
    translator = build_translator(plan)
    if plan.init is not None:
        initialize(translator, plan.init)
    blocks = [Block("trained on", pictures(plan, translator, cfg.samples, cfg.iteration))]
    if (below := scored_pictures(plan, translator, cfg.samples)) is not None:
        blocks.append(below)
    draw(blocks, path)
    print(path)


@dataclass(frozen=True)
class Block:
    """Named columns of pictures, (3, h, w) or (1, h, w) each, and what to say beside each row."""

    title: str
    columns: Mapping[str, Sequence[Tensor] | Tensor]
    rows: Sequence[str] = ()


@torch.no_grad()
def pictures(plan: Plan, translator: Translator, count: int, iteration: int) -> dict[str, Tensor]:
    """Return named columns of pictures (count, 3, h, w), in the order in which they come about."""
    counter, batches = plan.schedule.counter(iteration) if plan.trains else ("generator", 0)
    samples: dict[str, Sample] = {}
    for name, size in batch_sizes(plan.config, list(plan.streams)).items():
        stream = training_stream(plan.config, plan.streams[name], name)
        items = [stream[counter, batches * size + k] for k in range(count)]
        samples[name] = translator.transforms[name].prepare(collate(items))
    sample = samples.pop(PAIRED)
    translator.eval()
    sample = translator.transform.generate(translator.generator, sample)
    columns = {"target": sample["target"], "source": sample["source"]}
    # What a task shows beside: hints, strokes.
    columns |= {
        name: panel for name, panel in translator.task.panels(sample).items() if name not in (*columns, "output")
    }
    columns |= {f"for G: {name}": value for name, value in asked(translator, sample).items() if name == "mask"}
    columns["output"] = sample["output"]
    if translator.bench is not None:
        judge = Judge(translator.bench, {PAIRED: sample}, together=True)
        for side in SIDES:
            columns |= {f"D, {side}: {name}": value for name, value in judge.shown(PAIRED, side).items()}
    for name, other in samples.items():
        columns |= {f"{name}: {key}": other[key] for key in ("source", "target")}
    return columns


@torch.no_grad()
def scored_pictures(plan: Plan, translator: Translator, count: int) -> Block | None:
    """Return some of the pictures that are scored, as they will be; None, and a word about it, where none are."""
    settings, config = plan.config["evaluation"], scored(plan.config)
    split = settings["split"]
    if split is None or not plan.pictures.names(split):
        why = "evaluation.split is null" if split is None else f"the split {split} is empty"
        say(f"no scored pictures are drawn: {why}")
        return None
    data = evaluation_set(config, plan.pictures, split, settings["framing"])
    chosen = selection(len(data), settings["pictures"])
    transform = build_transform(config)
    columns: dict[str, list[Tensor]] = {}
    rows = []
    # A selection holds every smaller one.
    for index in selection(len(data), min(count, len(chosen))):
        sample = transform.generate(translator.generator, transform.prepare(collate([data[index]])))
        # Given and made before what it should be, as a report shows them.
        shown = {"target": sample["target"], **transform.task.panels(sample)}
        shown |= {"mask": sample["mask"]} if "mask" in sample else {}
        for name, image in shown.items():
            columns.setdefault(name, []).append(image[0])
        missing = f", {100 * float(sample['area'][0]):.3g} % missing" if {"area", "mask"} <= sample.keys() else ""
        rows.append(f"{sample['name'][0]}{missing}")
    framing = settings["framing"]
    how = f"evaluation.framing={framing}" if isinstance(framing, str) else "framed by evaluation.framing"
    how = "whole" if framing is None else how
    return Block(f"scored: {len(rows)} of {len(chosen)} pictures of {split}, {how}", columns, rows)


def asked(translator: Translator, sample: Sample) -> dict[str, Tensor]:
    """Return what the generator's signature names of what the task offers."""
    names = named_arguments(translator.generator.forward)
    return {name: value for name, value in translator.task.condition(sample).items() if name in names}


def draw(blocks: Sequence[Block], path: Path) -> None:
    """Write blocks of columns side by side, one below the other, as a PNG."""
    heights = [1.6 * len(next(iter(block.columns.values()))) + 0.6 for block in blocks]
    across = max(len(block.columns) for block in blocks)
    figure = Figure(figsize=(1.6 * across, sum(heights)), layout="constrained")
    FigureCanvasAgg(figure)
    parts = figure.subfigures(len(blocks), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, block in zip(parts, blocks, strict=True):
        part.suptitle(block.title, fontsize=9)
        rows = len(next(iter(block.columns.values())))
        axes = part.subplots(rows, across, squeeze=False)
        for axis in axes[:, len(block.columns) :].flat:
            axis.set_axis_off()
        for column, (title, images) in enumerate(block.columns.items()):
            axes[0][column].set_title(title, fontsize=8)
            for row in range(rows):
                show(axes[row][column], images[row])
        for row, said in enumerate(block.rows):
            axes[row][0].set_ylabel(said[-NAME:], fontsize=5, labelpad=2)
    with replaced(path) as partial:
        figure.savefig(partial, format="png", dpi=120)


def show(axis: Axes, image: Tensor) -> None:
    pixels = image.clamp(0, 1).permute(1, 2, 0).squeeze(-1).numpy()
    axis.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axis.set_xlabel(f"{image.shape[-1]}x{image.shape[-2]}", fontsize=6, labelpad=1)
    axis.set_xticks([])
    axis.set_yticks([])
