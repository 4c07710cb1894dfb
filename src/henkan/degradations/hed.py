"""Sketches by a network that has learned where people see boundaries, made on the device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from henkan.data.operator import Range
from henkan.degradations.line_extraction import DeviceExtractor
from henkan.pretrained.edges import hed


@dataclass(frozen=True, kw_only=True)
class HEDLines(DeviceExtractor):
    """Broad soft lines along boundaries: 1 - clip(`gain` (p - `floor`)), p being HED's (see `henkan.pretrained.edges`).

    Raises `MissingWeights` if hed_bsds500.safetensors is absent.
    """

    floor: Range
    gain: Range

    def __post_init__(self) -> None:
        super().__post_init__()
        # Said before a run begins, and loaded once for all that follow.
        hed()

    @torch.no_grad()
    def batch(self, pictures: Tensor, settings: Mapping[str, Tensor]) -> Tensor:
        # One at a time: what a picture becomes does not depend on those beside it. Of 256 tones, as files have them.
        found = torch.cat([hed()(picture) for picture in torch.split(pictures, 1)])
        floor, gain = (settings[name].to(found).view(-1, 1, 1, 1) for name in ("floor", "gain"))
        return (1.0 - (gain * (found - floor)).clamp(0.0, 1.0)).mul(255).round().div(255)
