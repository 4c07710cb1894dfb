"""One iteration of a configuration on little pictures, with an eye on everything that somebody may have written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from henkan.config.build import build
from henkan.config.composition import compose_root
from henkan.data.pictures import Pictures
from henkan.data.stream import Item, collate
from henkan.errors import UserError
from henkan.metrics.set_metric import SetMetric
from henkan.runs.plan import Plan, plan_run
from henkan.sample import PAIRED, Sample, described, to_float
from henkan.scoring.evaluation_set import evaluation_set, scored
from henkan.scoring.evaluator import Evaluator
from henkan.terms.function import Function
from henkan.training.assemble import build_transform, build_translator, training_streams
from henkan.training.schedule import active
from henkan.training.streams import batch_sizes
from henkan.training.translator import Translator

# How far a picture may leave [0, 1] by rounding.
ROUNDING = 1e-3


class Trial:
    """Tries a configuration of `train`, step by step; `reached` counts the steps that went well.

    Data are read, degraded, generated from, judged, learned from and scored, once, on a batch. Raises `UserError` for
    what does not do what its kind has to, and whatever the code that is tried raises.
    """

    plan: Plan
    translator: Translator
    batches: dict[str, Item]
    prepared: dict[str, Sample]
    generated: dict[str, Sample]

    def __init__(self, overrides: Sequence[str]) -> None:
        self.overrides, self.reached = list(overrides), 0

    def run(self) -> None:
        for step in (
            self.compose,
            self.load,
            self.build,
            self.degrade,
            self.generate,
            self.judge,
            self.learn,
            self.score,
        ):
            step()
            self.reached += 1

    def compose(self) -> None:
        """Plan the run: configs compose, settings fit, data are there."""
        cfg = compose_root("train", self.overrides)
        if not str(cfg.data.get("_target_")).startswith("henkan."):
            # Before they are measured.
            check_data(build(cfg.data))
        self.plan = plan_run(cfg)

    def load(self) -> None:
        """Read a batch of each stream."""
        sizes = batch_sizes(self.plan.config, list(self.plan.streams))
        streams = training_streams(self.plan)
        self.batches = {
            name: collate([stream["generator", number] for number in range(sizes[name])])
            for name, stream in streams.items()
        }

    def build(self) -> None:
        self.translator = build_translator(self.plan)

    def degrade(self) -> None:
        """Degrade: `source` is made of `target`, which stays."""
        self.prepared = {}
        for name, batch in self.batches.items():
            self.prepared[name] = self.translator.transforms[name].prepare(batch)
            check_degraded(type(self.translator.transforms[name].degradation).__name__, batch, self.prepared[name])

    def generate(self) -> None:
        """Generate and compose."""
        translator, self.generated = self.translator, {}
        if self.plan.trains and hasattr(translator.generator, "begin"):
            begin: Any = translator.generator.begin
            begin(self.plan.schedule.phases[-1].name)
        for name, sample in self.prepared.items():
            self.generated[name] = self.composed(name, sample)
            check_made(translator.generator, self.generated[name], translator.task.answers == "pictures")

    def composed(self, stream: str, sample: Sample) -> Sample:
        """Generate and compose. Raises `UserError` for an answer that the task can make nothing of."""
        network = self.translator.generator
        answers: list[Any] = []
        hook = network.register_forward_hook(lambda *call: answers.append(call[-1]))
        try:
            return self.translator.transforms[stream].generate(network, sample)
        except (RuntimeError, IndexError) as error:
            if not answers:
                raise
            raw = answers[0] if isinstance(answers[0], Tensor) else answers[0]["raw"]
            task, given = type(self.translator.task).__name__, tuple(sample["source"].shape)
            raise UserError(
                f"the generator {type(network).__name__} makes {described(raw)} of sources {given}, and {task} can "
                f"make nothing of that: {str(error).splitlines()[0]}"
            ) from error
        finally:
            hook.remove()

    def judge(self) -> None:
        """Have the discriminator learn from real and made pictures, where there is one."""
        network = self.translator.discriminator
        if network is None:
            return
        value = self.translator.discriminator_loss(self.generated, self.terms, observe=True)
        check_value("the discriminator's loss", value)
        if not value.requires_grad:
            raise UserError(f"the discriminator {type(network).__name__} learns nothing: its logits have no gradient")
        torch.autograd.backward(value)
        check_gradient("discriminator", network)

    def learn(self) -> None:
        """Have the generator learn by every term."""
        if not self.plan.trains:
            return
        generator, raw = self.translator.generator, self.generated[PAIRED]["raw"]
        for term in self.terms:
            if isinstance(term.loss, Function):
                check_loss(
                    term.name, term.loss.value(self.generated[term.stream]), len(self.batches[term.stream]["target"])
                )
        found = self.translator.objective.values(self.generated, self.terms)
        for name, value in found.items():
            check_value(f"loss.{name}", value)
        pulling = [value for value in found.values() if value.requires_grad]
        if not pulling or not raw.requires_grad:
            who = f"the generator {type(generator).__name__} gives" if not raw.requires_grad else "the losses have"
            raise UserError(
                f"the generator learns nothing: {who} no gradient (detach, no_grad, round, argmax, .item()?)"
            )
        torch.autograd.backward(torch.stack(pulling).sum())
        check_gradient("generator", generator)

    @property
    def terms(self) -> list[Any]:
        return active(self.plan.terms, self.plan.schedule.phases[-1])

    def score(self) -> None:
        """Score pictures of the test split."""
        config, pictures = scored(self.plan.config), self.plan.pictures
        split = config["evaluation"]["split"]
        if split is None or not pictures.names(split):
            return
        evaluator = Evaluator(config["metric"])
        for function in evaluator.functions.values():
            if isinstance(function, SetMetric):
                function.minimum = min(function.minimum, 2)
        data = evaluation_set(config, pictures, split, config["evaluation"]["framing"])
        scores = evaluator.evaluate(build_transform(config), self.translator.generator, data, limit=2)
        for name, values in scores.images.items():
            if not np.isfinite(values).any():
                raise UserError(f"metric.{name} has no value: it is {values[0]} of every picture")


def check_data(pictures: Pictures) -> None:
    """Raise `UserError` unless a source gives 8-bit pictures."""
    kind, names = type(pictures).__name__, pictures.some_names("train")
    target = pictures.picture(names[0])
    if not isinstance(target, np.ndarray) or target.dtype != np.uint8 or target.ndim != 3:
        told = f"{target.dtype} {target.shape}" if isinstance(target, np.ndarray) else type(target).__name__
        raise UserError(f"the data {kind} give {told} as {names[0]}: a picture is an array of uint8, (H, W, C)")
    if target.shape[2] != pictures.channels:
        raise UserError(
            f"the data {kind} give {target.shape[2]} channels in {names[0]} and say that there are "
            f"{pictures.channels} (`channels`)"
        )


def check_degraded(kind: str, batch: Item, sample: Sample) -> None:
    """Raise `UserError` unless a degradation made sources of targets that it left alone, or swapped the two."""
    source, target = sample["source"], sample["target"]
    before = to_float(batch)["target"]
    swapped = isinstance(source, Tensor) and source.shape == before.shape and torch.equal(source, before)
    if target.shape == before.shape and not torch.equal(target, before) and not swapped:
        raise UserError(f"the degradation {kind} changes the target: what is made of it goes to 'source'")
    if (
        not isinstance(source, Tensor)
        or source.ndim != 4
        or len(source) != len(target)
        or not source.is_floating_point()
    ):
        told = f"{source.dtype} {tuple(source.shape)}" if isinstance(source, Tensor) else type(source).__name__
        raise UserError(f"the degradation {kind} gives {told} as 'source': it is float (B, C, H, W)")
    low, high = source.min().item(), source.max().item()
    if not (low >= -ROUNDING and high <= 1.0 + ROUNDING):
        raise UserError(f"the degradation {kind} gives sources from {low:.3g} to {high:.3g}: they lie in [0, 1]")


def check_made(network: nn.Module, sample: Sample, pictures: bool) -> None:
    """Raise `UserError` unless what was made is finite and, where it is a picture, of its target's shape."""
    output, target = sample["output"], sample["target"]
    for key in ("raw", "output"):
        if not torch.isfinite(sample[key]).all():
            raise UserError(f"the generator {type(network).__name__} makes NaN or infinite values ({key})")
    if pictures and output.shape != target.shape:
        raise UserError(
            f"the generator {type(network).__name__} and the task make {shape(output)} where the target has "
            f"{shape(target)}"
        )


def shape(picture: Tensor) -> str:
    channels, height, width = picture.shape[-3:]
    return f"{channels} channel{'s' * (channels != 1)} of {width}x{height} pixels"


def check_loss(name: str, value: Tensor, count: int) -> None:
    """Raise `UserError` unless a loss is one of the batch or has values of each picture."""
    if value.ndim and len(value) != count:
        raise UserError(f"loss.{name} returns {tuple(value.shape)} of {count} pictures: one value of each, or a scalar")


def check_value(name: str, value: Tensor) -> None:
    """Raise `UserError` for a loss that is no finite number."""
    if not torch.isfinite(value).all():
        raise UserError(f"{name} is {value.mean().item()} on an ordinary picture")


def check_gradient(role: str, network: nn.Module) -> None:
    """Raise `UserError` unless some weight of a network has learned something, and none nonsense."""
    found = {name: weight.grad for name, weight in network.named_parameters() if weight.grad is not None}
    if not any(gradient.any() for gradient in found.values()):
        raise UserError(f"the {role} {type(network).__name__} learns nothing: no gradient reaches its weights")
    for name, gradient in found.items():
        if not torch.isfinite(gradient).all():
            raise UserError(f"the {role} {type(network).__name__} has no finite gradient at {name}")
