"""Degrade → generate → compose, in one place: training, evaluation, preview and prediction all go through it."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor, nn

from henkan.degradations.degradation import Degradation
from henkan.errors import UserError
from henkan.networks.answers import made
from henkan.precision import in_float32
from henkan.sample import Composed, Sample, described, named_arguments, to_float
from henkan.tasks.task import Task


class Transform:
    """What happens to a batch around the generator, for one task and one degradation."""

    def __init__(self, task: Task, degradation: Degradation, channels_last: bool = False) -> None:
        self.task, self.degradation, self.channels_last = task, degradation, channels_last
        self._asks: dict[type[nn.Module], dict[str, bool]] = {}

    def prepare(self, batch: Sample) -> Sample:
        """Convert an 8-bit batch to float and degrade it: target → source. The same bits whatever a run trains in.

        Raises `UserError` for a degradation that gives no source.
        """
        with in_float32(batch["target"].device.type):
            degraded = self.degradation.apply(to_float(batch, self.channels_last))
        if "source" not in degraded:
            raise UserError(
                f"the degradation {type(self.degradation).__name__} gives {described(degraded)}: a sample with its "
                "'source' is wanted"
            )
        return degraded

    def generate(self, network: nn.Module, sample: Sample) -> Composed:
        """Run a generator and compose: adds `raw`, `prediction`, `output`, and `aux.*` for what else it returned.

        A generator that returns a tensor alone means `raw`. A picture whose sides are no multiple of its `multiple` is
        padded and cut back. Raises `UserError` for a generator that needs what the task does not offer, answers
        something else (its `answers`), or enlarges otherwise (its `scale`, 1 without one).
        """
        asks = self._asks.setdefault(type(network), named_arguments(network.forward))
        offered = self.task.condition(sample)
        if missing := [name for name, needed in asks.items() if needed and name not in offered]:
            raise UserError(
                f"the generator {type(network).__name__} needs {missing[0]!r}, which {type(self.task).__name__} does "
                f"not offer (it offers {', '.join(offered)}): choose another generator, or the task that it is for"
            )
        if (kind := getattr(network, "answers", self.task.answers)) != self.task.answers:
            raise UserError(
                f"the generator {type(network).__name__} answers with {kind}, and {type(self.task).__name__} is about "
                f"{self.task.answers}: choose another generator, or the task that it is for"
            )
        own, scale = getattr(network, "scale", 1), self.task.scale
        if own != scale:
            raise UserError(
                f"the generator {type(network).__name__} makes pictures {own} times larger, and the task is to make "
                f"them {scale} times larger: choose another generator, or degradation.scale={own}"
            )
        inputs = {name: value for name, value in offered.items() if name in asks}
        height, width = sample["source"].shape[-2:]
        multiple, mode = getattr(network, "multiple", 1), getattr(network, "padding", "reflect")
        maps = {name: value for name, value in inputs.items() if name not in self.task.whole}
        returned = made(network, **{**inputs, **pad(maps, multiple, mode)})
        # What is as large as the padded answer is cut back with it: a map of what was said of each pixel.
        full = returned["raw"].shape[-2:]
        cut = {
            name: value[..., : height * scale, : width * scale]
            if isinstance(value, Tensor) and value.ndim == 4 and value.shape[-2:] == full
            else value
            for name, value in returned.items()
        }
        raw = cut.pop("raw").float()
        generated = {**sample, **{f"aux.{name}": value for name, value in cut.items()}, "raw": raw}
        return Composed({**generated, **self.task.compose(raw, generated)})


def pad(inputs: Mapping[str, Tensor], multiple: int, mode: str = "reflect", least: int = 1) -> dict[str, Tensor]:
    """Pad pictures on the right and at the bottom until their sides are multiples of `multiple`, `least` or more."""
    padded = {}
    for name, value in inputs.items():
        height, width = value.shape[-2:]
        bottom, right = (max(side, least) - side + -max(side, least) % multiple for side in (height, width))
        if bottom or right:
            # Reflection needs a picture larger than the padding; the smallest ones repeat their edge.
            fits = bottom < height and right < width
            value = F.pad(value, (0, right, 0, bottom), mode=mode if fits else "replicate")
        padded[name] = value
    return padded
