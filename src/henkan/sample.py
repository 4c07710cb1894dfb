"""The keys of a sample: their shapes, ranges and meaning, said once, here.

A sample is a batch: a mapping from key to tensor (or list of names). Pictures are float32 in [0, 1], of C = 3 channels
(RGB), or of one where a task is about grey drawings (1 = paper).

| key | shape | meaning |
|---|---|---|
| `target` | (B, C, H, W) | ground truth; where edits are to be found a mask, C = 1 |
| `target_sharp` | (B, C, H, W) | the target sharpened, where a degradation does so |
| `source` | (B, C, H, W) | what the network is shown |
| `mask` | (B, 1, H, W) | 1 = missing |
| `window`, `window_real` | (B, 2) int64 | center (y, x) of the hole, and of the real sample's own local window |
| `area` | (B,) float64 | share of the picture that is missing, or edited |
| `kind` | list[str] | what sort of hole: rectangle, strokes, boxes, folder, drawn, object; or the edit's name |
| `parameters` | (B, P) float64 | what a degradation of several steps drew: its `describe` says it in words |
| `raw` | (B, C, H, W) | what the generator returned |
| `prediction` | (B, C, H, W) | the decoded picture before known pixels are pasted |
| `output` | (B, C, H, W) | the composed picture, the one that is scored |
| `aux.<name>` | any | what else the generator returned |
| `target_lab` | (B, 3, H, W) | the target in CIELAB: L in [0, 100], a and b in about ±110 |
| `lightness` | (B, 1, H, W) | L of a grey source, in [0, 100] |
| `ab`, `target_ab` | (B, 2, h, w) | a and b over 110 of the generator's answer, and of the target at that size |
| `hints`, `hint_mask` | (B, 2, H, W), (B, 1, H, W) | a and b over 110 that a user says, and 1 where |
| `hint_box` | (B, 4, H, W) int16 | patch that a hint is the mean of: top, left, bottom, right |
| `ab_histogram`, `saturation` | (B, 530, 1, 1), (B, 2, 1, 1) | of the whole picture, and 1 where it is told, or 0 |
| `style` | (B, 1, s, s) | a grey picture whose global features color this one |
| `style_picture` | (B, 3, h, w) | the picture, of any size, in whose style this one is to be painted |
| `label` | (B,) int64 | class of the picture, -1 where it has none |
| `labels` | (B, 1, H, W) int64 | class of each pixel, `UNKNOWN` where nobody has said |
| `strokes` | (B, 3, H, W) | strokes of color that a user says, white elsewhere |
| `lines` | (B, 1, H, W) | the picture's true line drawing, where the data have one |
| `depth` | (B, 1, H, W) | how far away things are, 0 or more, in the units of its data |
| `transmission`, `airlight` | (B, 1, H, W), (B, 3, 1, 1) | share of light that haze lets through, color that it adds |
| `name` | list[str] | relative path of each picture |
| `index` | (B,) int64 | the sample's counter |
| `broken` | list[list[str]] | what could not be read and was passed over, with `data.skip_broken` |
"""

from __future__ import annotations

import inspect
from collections import UserDict
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor

from henkan.errors import UserError

Sample = Mapping[str, Any]
Parameters = dict[str, Any]
"""What a degradation has drawn for one picture, by sample key: arrays and words."""

PAIRED = "paired"
"""The stream of pairs: the one that every run has."""

WITHOUT_FLOAT64 = ("mps",)
"""Kinds of devices that have no float64."""

LABEL_MAPS = frozenset({"labels"})
"""What is a map of classes: its 8-bit values are names, which are neither mixed when it is framed nor made floats."""

UNKNOWN = 255
"""The class of pixels in a map of classes that have none, or that nobody has looked at."""
# How alike a word and a key of a sample are where one is the other, misspelt.
NEAR = 0.75


class Composed(UserDict[str, Any]):
    """A sample in which a value may be a function of the sample: it is called when the value is first read.

    So what no loss of a step reads costs that step nothing. The value is kept, and with it the gradient's way through
    it: who reads first decides whether there is one.
    """

    def __getitem__(self, key: str) -> Any:
        value = self.data[key]
        if callable(value):
            value = self.data[key] = value(self)
        return value


class Detached(Mapping[str, Any]):
    """A sample without gradients, as the discriminator's own step is shown it; what is computed is so for both."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample

    def __getitem__(self, key: str) -> Any:
        value = self.sample[key]
        return value.detach() if isinstance(value, Tensor) else value

    def __contains__(self, key: object) -> bool:
        # Not by asking for the value: it may be costly.
        return key in self.sample

    def __iter__(self) -> Iterator[str]:
        return iter(self.sample)

    def __len__(self) -> int:
        return len(self.sample)


def to_float(sample: Sample, channels_last: bool = False) -> dict[str, Any]:
    """Return the sample with its 8-bit pictures and masks as float32: pictures in [0, 1], masks 0 or 1.

    Maps of classes become int64.
    """
    layout = torch.channels_last if channels_last else torch.contiguous_format
    converted: dict[str, Any] = {}
    for key, value in sample.items():
        if key in LABEL_MAPS:
            value = value.long()
        elif isinstance(value, Tensor) and value.dtype == torch.uint8:
            value = value.to(torch.float32, memory_format=layout)
            if not key.endswith("mask"):
                value = value.div_(255.0)
        converted[key] = value
    return converted


def on_device(sample: Sample, device: torch.device) -> dict[str, Any]:
    """Return the sample with its tensors on `device`; from pinned memory the copy does not wait.

    float64 stays on the CPU where the device has none: who computes with it moves what is needed.
    """
    return {
        key: value.to(device, non_blocking=True) if isinstance(value, Tensor) and fits(value, device) else value
        for key, value in sample.items()
    }


def fits(value: Tensor, device: torch.device) -> bool:
    """Whether a device has numbers of this type."""
    return value.dtype != torch.float64 or device.type not in WITHOUT_FLOAT64


def to_8_bit(images: Tensor) -> Tensor:
    """Return float pictures (any shape) clipped to [0, 1] and rounded to k/255, as they would be saved."""
    return images.clamp(0.0, 1.0).mul(255.0).round().div(255.0)


def named_arguments(function: Callable[..., Any]) -> dict[str, bool]:
    """Return the argument names of `function` and whether each must be given."""
    signature = inspect.signature(function)
    return {
        name: parameter.default is inspect.Parameter.empty
        for name, parameter in signature.parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }


def described(value: Any) -> str:
    """Return in a few words what a function returned: its kind, the shape of a tensor, the keys of a mapping."""
    if isinstance(value, Tensor):
        return f"a tensor {tuple(value.shape)}"
    if isinstance(value, Mapping):
        return f"a mapping of {', '.join(map(str, value)) or 'nothing'}"
    return "nothing" if value is None else f"a {type(value).__name__}"


def read(name: str, required: Mapping[str, bool], reads: Mapping[str, str], sample: Sample) -> dict[str, Any]:
    """Return arguments out of the sample; a key that is absent is left to the argument's default, if it has one.

    Raises `UserError` where it has none, and for what is a key of the sample, misspelt.
    """
    for argument, key in reads.items():
        if key in sample:
            continue
        # Many losses read a mask where there is one. Another name was meant; some networks give no such answer.
        others = sample.keys() - set(reads.values()) if key != argument else ()
        near = get_close_matches(key, sorted(others), n=1, cutoff=NEAR)
        if near or required.get(argument, True):
            way_out = f": did you mean {near[0]!r}?" if near else f"; it has {sorted(sample)}"
            raise UserError(f"{name} reads {key!r}, which this sample does not have{way_out}")
    return {argument: sample[key] for argument, key in reads.items() if key in sample}


def default_reads(function: Callable[..., Any]) -> dict[str, str]:
    """Return the keys that arguments read when the config says nothing: their own name, `input` reads `output`."""
    return {name: "output" if name == "input" else name for name in named_arguments(function)}
