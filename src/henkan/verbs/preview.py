"""Draw what a configuration trains on: targets, sources, holes, and what its discriminator is shown.

Writes a PNG, and prints its path; the generator is as it starts, or as `init` says.

  henkan preview experiment=glcic output=preview.png samples=6
"""

from __future__ import annotations

from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from omegaconf import DictConfig
from torch import Tensor

from henkan.data.counted import tell
from henkan.data.stream import collate
from henkan.runs.plan import Plan, plan_run
from henkan.runs.start import initialize
from henkan.sample import PAIRED, Sample, named_arguments
from henkan.terms.judge import SIDES, Judge
from henkan.training.assemble import build_translator, training_stream
from henkan.training.streams import batch_sizes
from henkan.training.translator import Translator


def main(cfg: DictConfig) -> None:
    plan = plan_run(cfg)
    for source in plan.streams.values():
        tell(source)
    translator = build_translator(plan)
    if plan.init is not None:
        initialize(translator, plan.init)
    columns = pictures(plan, translator, cfg.samples, cfg.iteration)
    path = Path(cfg.output)
    draw(columns, path)
    print(path)


@torch.no_grad()
def pictures(plan: Plan, translator: Translator, count: int, iteration: int) -> dict[str, Tensor]:
    """Return named columns of pictures (count, 3, h, w), in the order in which they come about."""
    counter, batches = plan.schedule.counter(iteration)
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


def asked(translator: Translator, sample: Sample) -> dict[str, Tensor]:
    """Return what the generator's signature names of what the task offers."""
    names = named_arguments(translator.generator.forward)
    return {name: value for name, value in translator.task.condition(sample).items() if name in names}


def draw(columns: dict[str, Tensor], path: Path) -> None:
    """Write the columns side by side as a PNG."""
    rows = len(next(iter(columns.values())))
    figure = Figure(figsize=(1.6 * len(columns), 1.6 * rows + 0.3), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, len(columns), squeeze=False)
    for column, (title, images) in enumerate(columns.items()):
        axes[0][column].set_title(title, fontsize=8)
        for row in range(rows):
            show(axes[row][column], images[row])
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)


def show(axis: Axes, image: Tensor) -> None:
    pixels = image.clamp(0, 1).permute(1, 2, 0).squeeze(-1).numpy()
    axis.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axis.set_xlabel(f"{image.shape[-1]}x{image.shape[-2]}", fontsize=6, labelpad=1)
    axis.set_xticks([])
    axis.set_yticks([])
