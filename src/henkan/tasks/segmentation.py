"""Segmentation: the class of every pixel, as a picture in the classes' colors (Long et al. 2015; Noh et al. 2015)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from henkan import color
from henkan.errors import UserError
from henkan.sample import UNKNOWN, Composed, Sample
from henkan.tasks.task import Side, Task
from henkan.tasks.windows import windows_of


class Segmentation(Task):
    """The generator's answer `raw` (B, K, H, W) are logits of K classes; `labels` (B, 1, H, W) is what they should be.

    So that every loss, discriminator and metric of pictures works here too, `prediction` is the mean of the classes'
    colors under the answer's probabilities, through which gradients pass, and `target` becomes the labels in their
    colors: a discriminator sees the picture and what the network would say of it, as in Luc et al. (2016), who show it
    the probabilities themselves. `output` is the prediction, and where the labels are unknown their color for that, on
    both sides: nobody judges there. Classes are scored by the logits, and shown by the likeliest of them.

    `window` is the side of the local patch in pixels, at a random place. Raises `UserError` for data without labels.
    """

    answers = "classes"

    def __init__(self, window: int) -> None:
        self.window = window

    def condition(self, sample: Sample) -> dict[str, Tensor]:
        return {"image": sample["source"]}

    def compose(self, raw: Tensor, sample: Sample) -> Mapping[str, Tensor | Callable[[Sample], Tensor]]:
        if "target" not in sample:
            return {"prediction": prediction, "output": prediction}
        require_labels(sample)
        return {"prediction": prediction, "output": output, "target": target}

    def judged(self, key: str, sample: Sample, side: Side) -> Mapping[str, Tensor]:
        if side == "real":
            # Nobody has composed this sample: its target is the picture still.
            require_labels(sample)
        image = target(sample) if side == "real" else sample[key]
        window = windows_of(sample, side, self.window)
        return Composed({"image": image, "condition": sample["source"], "window": window})

    def panels(self, sample: Sample) -> dict[str, Tensor]:
        # Panels stand in one grid: a grey source has as many channels as the others.
        source = sample["source"].expand(-1, 3, -1, -1)
        likeliest = color.class_colors(sample["raw"].argmax(1, keepdim=True))
        return {"source": source, "output": likeliest, **{key: sample[key] for key in ("target",) if key in sample}}


def prediction(sample: Sample) -> Tensor:
    """Return the mean color of each pixel's classes."""
    return color.mean_class_color(sample["raw"])


def output(sample: Sample) -> Tensor:
    """Return the prediction where labels are known."""
    labels: Tensor = sample["labels"]
    made: Tensor = sample["prediction"]
    return torch.where(labels == UNKNOWN, color.class_colors(labels), made)


def target(sample: Sample) -> Tensor:
    """Return the labels in their classes' colors."""
    return color.class_colors(sample["labels"])


def require_labels(sample: Sample) -> None:
    if "labels" not in sample:
        raise UserError(
            "segmentation is learned from maps of classes, and these data have none: choose data=labelled_folder, voc "
            "or openmoji_parts"
        )
