"""The networks of segmentation-models-pytorch, as generators."""

from __future__ import annotations

import difflib

import torch
from torch import Tensor, nn

from henkan.errors import UserError


class SMP(nn.Module):
    """One of a dozen encoder-decoders (U-Net, U-Net++, FPN, DeepLabV3+, SegFormer, …) over any of hundreds of encoders.

    `architecture` and `encoder` are the package's own names (`tu-NAME` is timm's NAME). All weights are random at
    first: the encoders' published ones would be fetched. Input: `image` (B, C, H, W) in [0, 1], mapped to [-1, 1]
    inside, and, where the task has one, `mask` (B, 1, H, W); `in_channels` counts both. Returns `raw` (B, out_channels,
    H, W): a picture in [0, 1], by a sigmoid, or, not `bounded`, scores as they are, which segmentation asks for.
    H and W are multiples of `multiple`. Raises `UserError` without the package, for a name that it does not have, and
    for other channels than it was built for.
    """

    def __init__(
        self,
        architecture: str = "unet",
        encoder: str = "resnet18",
        in_channels: int = 3,
        out_channels: int = 3,
        bounded: bool = True,
    ) -> None:
        super().__init__()
        try:
            import segmentation_models_pytorch as smp
        except ImportError as error:
            raise UserError(
                "generator=smp needs the package segmentation-models-pytorch: pip install 'henkan[smp]'"
            ) from error
        try:
            self.network: nn.Module = smp.create_model(
                architecture, encoder, encoder_weights=None, in_channels=in_channels, classes=out_channels
            )
        except (KeyError, RuntimeError) as error:
            # KeyError: one of its own names; RuntimeError: one of timm's, which follow "tu-".
            known = architecture in smp.MODEL_ARCHITECTURES_MAPPING
            names = smp.encoders.get_encoder_names() if known else list(smp.MODEL_ARCHITECTURES_MAPPING)
            key, name = ("encoder", encoder) if known else ("architecture", architecture)
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(names)}"
            raise UserError(f"segmentation-models-pytorch has no generator.{key}={name}: {hint}") from error
        self.in_channels, self.bounded = in_channels, bounded
        self.multiple = int(self.network.encoder.output_stride)
        # Its innermost code may see the whole picture.
        self.context = None

    def forward(self, image: Tensor, mask: Tensor | None = None) -> dict[str, Tensor]:
        x = image * 2.0 - 1.0
        if mask is not None:
            x = torch.cat((x, mask), dim=1)
        if x.shape[1] != self.in_channels:
            raise UserError(
                f"generator=smp was built for {self.in_channels} channels and is given {x.shape[1]}, the mask "
                f"included: set generator.in_channels={x.shape[1]}"
            )
        # In full precision, whose steps under bf16 autocast would be 1/256 near white.
        raw = self.network(x).to(image.dtype)
        return {"raw": torch.sigmoid(raw) if self.bounded else raw}
