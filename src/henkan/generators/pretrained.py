"""Any published network that spandrel knows, with its weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.pretrained import weights as files


class Pretrained(nn.Module):
    """The network that a file of weights belongs to: spandrel tells it by names and shapes of the tensors.

    Some forty architectures: ESRGAN and Real-ESRGAN in all spellings, SwinIR, HAT, NAFNet, DnCNN, LaMa, … `weights` is
    a path, or the name of a file in `paths.weights`: tensors alone (.pth, .ckpt, .safetensors; half precision becomes
    float32). `frozen`: it is scored as it is; otherwise training goes on from these weights.

    Input: `image` (B, C, H, W) in [0, 1], C as it was published with, and for one that fills holes `mask` (B, 1, H, W),
    1 = missing. Returns `raw` (B, C', scale·H, scale·W), meant to be in [0, 1], not clamped. `scale` is how many times
    larger its answer is, `multiple` what its sides are a multiple of; smaller pictures than it takes are padded.
    Raises `MissingWeights` if the file is absent, `UserError` without the package spandrel, for a file that is no
    network known to it, for a picture of other channels, and for a network that fills holes where there is no mask.
    """

    def __init__(self, weights: str, frozen: bool = False) -> None:
        super().__init__()
        try:
            import spandrel
        except ImportError as error:
            raise UserError("this generator needs the package spandrel: pip install 'henkan[pretrained]'") from error
        path = files.located(weights)
        way_out = "name another file with generator.weights=FILE"
        state = spandrel.canonicalize_state_dict(files.contents(path, way_out))
        if not all(isinstance(value, Tensor) for value in state.values()):
            raise UserError(f"{path} does not hold named tensors: {way_out}")
        try:
            found = spandrel.ModelLoader().load_from_state_dict(state)
        except spandrel.UnsupportedModelError as error:
            raise UserError(f"{path} is no network that spandrel {spandrel.__version__} knows: {way_out}") from error
        except (RuntimeError, LookupError, AssertionError) as error:
            # Its tensors are named as those of some network, but are not all there, or of other shapes.
            reason = " ".join(str(error).split())
            raise UserError(f"{path} is no whole network ({reason[:200]}): {way_out}") from error
        self.network: nn.Module = found.model
        self.name = f"{found.architecture.name} ({', '.join([found.purpose, *found.tags])})"
        self.scale, self.channels, self.fills = (
            int(found.scale),
            int(found.input_channels),
            found.purpose == "Inpainting",
        )
        self._size = found.size_requirements
        self.multiple = int(self._size.multiple_of)
        # How it is called beside `image` being its input: some return more than a picture, or want a noise level.
        self._call: Callable[..., Any] = found._call_fn
        if frozen:
            self.requires_grad_(False)

    def forward(self, image: Tensor, mask: Tensor | None = None) -> dict[str, Tensor]:
        if image.shape[1] != self.channels:
            raise UserError(
                f"{self.name} takes pictures of {self.channels} channels, and is shown {image.shape[1]}: "
                "choose other weights, or another task"
            )
        given = [image]
        if self.fills:
            if mask is None:
                raise UserError(f"{self.name} fills holes, and there is no mask: choose task=completion")
            given.append(mask)
        height, width = image.shape[-2:]
        right, bottom = self._size.get_padding(width, height)
        if right or bottom:
            given = [F.pad(value, (0, right, 0, bottom), mode="replicate") for value in given]
        raw = self._call(self.network, *given)[..., : height * self.scale, : width * self.scale]
        return {"raw": raw.to(image.dtype)}
