"""The one evaluation loop: 8-bit pictures, per-image scores, set scores, and a few pictures to look at."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from henkan.config.build import build
from henkan.config.resolved import Node
from henkan.data.stream import Item, collate
from henkan.errors import Missing, UserError
from henkan.metrics.set_metric import SetMetric
from henkan.precision import in_float32
from henkan.randomness import generator_for
from henkan.sample import Sample, default_reads, described, named_arguments, on_device, read, to_8_bit
from henkan.transform import Transform

SETTINGS_OF_THE_METRIC = ("reads", "better")
# What is noted of each picture beside its scores, where the sample says it.
FACTS = ("area", "kind")
# A score of the post-processed output goes by the metric's name and this.
POST = "_post"
Postprocess = Callable[[Tensor, Tensor], Tensor]
"""(output, mask) -> picture: all (B, C, H, W), in [0, 1]."""


@dataclass
class Scores:
    """What an evaluation found. `images` has a column a metric and a row a file, in the order of `files`.

    `facts` says of each file what its sample was: area and kind of its hole.
    """

    files: list[str] = field(default_factory=list)
    facts: dict[str, list[float] | list[str]] = field(default_factory=dict)
    images: dict[str, list[float]] = field(default_factory=dict)
    sets: dict[str, float | None] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    def means(self) -> dict[str, float]:
        """Return the mean of every per-image score over the pictures it is defined on, and the set scores there are."""
        means = {name: float(np.nanmean(column)) for name, column in self.images.items() if np.isfinite(column).any()}
        return means | {name: value for name, value in self.sets.items() if value is not None}


class Evaluator:
    """Scores a generator on a data set. A metric that cannot run here is absent, and said to be absent.

    With `postprocess`, what reads `output` is scored twice: as it is, and as `<metric>_post` after post-processing.
    """

    def __init__(
        self, metric: Mapping[str, Node], batch: int = 16, sets: bool = True, postprocess: Postprocess | None = None
    ) -> None:
        self.batch, self.postprocess = batch, postprocess
        self.functions: dict[str, Callable[..., Any] | SetMetric] = {}
        self.reads: dict[str, dict[str, str]] = {}
        self.absent: dict[str, str] = {}
        for name, node in metric.items():
            settings = {key: value for key, value in node.items() if key not in SETTINGS_OF_THE_METRIC}
            try:
                function = build(settings)
            except Missing as error:
                self.absent[name] = str(error)
                continue
            if isinstance(function, SetMetric) and not sets:
                continue
            self.functions[name] = function
            arguments = function.update if isinstance(function, SetMetric) else function
            reads = self.reads[name] = dict(node.get("reads") or default_reads(arguments))
            if postprocess is not None and "output" in reads.values():
                # One of a set collects what it is shown, so each of the two has its own.
                self.functions[name + POST] = build(settings) if isinstance(function, SetMetric) else function
                self.reads[name + POST] = {
                    argument: "postprocessed" if key == "output" else key for argument, key in reads.items()
                }

    @torch.no_grad()
    def evaluate(
        self,
        transform: Transform,
        network: nn.Module,
        pictures: Dataset[Item],
        limit: int | None = None,
        keep: Callable[[int, Sample], None] | None = None,
    ) -> Scores:
        """Score the generator in evaluation mode, in float32, where it is, on at most `limit` of the pictures.

        `keep(index, sample)` receives every picture as a batch of one.
        """
        scores = Scores(absent=dict(self.absent))
        for function in self.functions.values():
            if isinstance(function, SetMetric):
                function.reset()
        chosen = selection(len(pictures), limit)  # type: ignore[arg-type]
        device = next((weight.device for weight in network.parameters()), torch.device("cpu"))
        for function in self.functions.values():
            if isinstance(function, nn.Module):
                function.to(device)
        training = network.training
        network.eval()
        done = 0
        for batch in same_shapes((pictures[index] for index in chosen), self.batch):
            with in_float32(device.type):
                sample = transform.generate(network, transform.prepare(on_device(collate(batch), device)))
                for key in ("output", "target"):
                    sample[key] = to_8_bit(sample[key])
            if self.postprocess is not None:
                if "mask" not in sample:
                    raise UserError("post-processing is of holes, and this task has none: set postprocess=null")
                sample["postprocessed"] = to_8_bit(self.postprocess(sample["output"], sample["mask"]))
            self._score(sample, scores)
            if keep is not None:
                for row in range(len(batch)):
                    keep(chosen[done + row], one(sample, row))
            done += len(batch)
        network.train(training)
        for name, function in self.functions.items():
            if isinstance(function, SetMetric):
                scores.sets[name] = None
                if done < function.minimum:
                    scores.absent[name] = f"needs {function.minimum} pictures, here are {done}"
                elif math.isnan(value := float(function.compute())):
                    scores.absent[name] = "these pictures do not define it"
                else:
                    scores.sets[name] = value
        return scores

    def _score(self, sample: Sample, scores: Scores) -> None:
        scores.files += sample["name"]
        for fact in FACTS:
            if fact in sample:
                values = sample[fact]
                scores.facts.setdefault(fact, []).extend(values.tolist() if isinstance(values, Tensor) else values)
        for name, function in self.functions.items():
            if isinstance(function, SetMetric):
                function.update(**read(f"metric {name}", named_arguments(function.update), self.reads[name], sample))
            else:
                result = function(**read(f"metric {name}", named_arguments(function), self.reads[name], sample))
                count = len(sample["name"])
                if not isinstance(result, Tensor) or result.shape != (count,):
                    raise UserError(
                        f"metric.{name} returns {described(result)} of {count} pictures: one value of each is wanted, "
                        f"({count},)"
                    )
                scores.images.setdefault(name, []).extend(result.float().tolist())


def selection(count: int, limit: int | None) -> list[int]:
    """Return which pictures a limit keeps: the same ones in every run, spread over the whole list."""
    if limit is None or limit >= count:
        return list(range(count))
    return sorted(generator_for(0, "selection").permutation(count)[:limit].tolist())


def same_shapes(samples: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Group neighbors of the same shape into batches; pictures do not affect each other in evaluation mode."""
    batch: list[Item] = []
    for sample in samples:
        if batch and (len(batch) == size or sample["target"].shape != batch[0]["target"].shape):
            yield batch
            batch = []
        batch.append(sample)
    if batch:
        yield batch


def one(sample: Sample, row: int) -> Sample:
    """Return one entry of a batch as a batch of one."""
    return {key: value[row : row + 1] for key, value in sample.items()}
