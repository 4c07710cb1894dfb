"""No network: the picture itself is what is optimized (Gatys, Ecker, Bethge 2016)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from henkan.errors import UserError


class Pixels(nn.Module):
    """Returns its one parameter, a picture, whatever it is shown.

    The parameter is a square of (3, size, size); a picture of other sides lies in its upper left corner. It starts as
    the picture that is shown (`content`), or as uniform noise. `sizes` gives phases a longer side less than `size`:
    when such a phase begins, the picture is enlarged or shrunk to it. Trained, it has its own size; evaluated, that of
    what is shown. Before each use in training it is clipped to [0, 1], or an optimizer would drift out of what can be
    seen.

    Input: `image` (1, 3, H, W), no side longer than `size`. Returns `raw` (1, 3, h, w). Raises `UserError` for more
    pictures than one, and for larger ones.
    """

    side: Tensor

    def __init__(
        self, size: int, sizes: Mapping[str, int] | None = None, start: Literal["content", "noise"] = "content"
    ) -> None:
        super().__init__()
        if start not in ("content", "noise"):
            raise UserError(f"generator.start={start} must be content or noise")
        self.size, self.sizes, self.start = size, dict(sizes or {}), start
        for phase, side in self.sizes.items():
            if not 1 <= side <= size:
                raise UserError(f"generator.sizes.{phase}={side} must lie between 1 and generator.size={size}")
        self.wanted = size
        # Three axes: it stays as it is where four would be laid out channels last.
        self.picture = nn.Parameter(torch.rand(3, size, size))
        # The longer side that the picture has, for one of `size`; 0 before it has started.
        self.register_buffer("side", torch.zeros((), dtype=torch.int64))

    def begin(self, phase: str) -> bool:
        """Prepare for an iteration of a phase. Returns whether the picture will be another than it was."""
        self.wanted = self.sizes.get(phase, self.size)
        return int(self.side) not in (0, self.wanted)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        height, width = image.shape[-2:]
        if len(image) != 1:
            raise UserError(f"generator=pixels is one picture, and was shown {len(image)}: set batch_size=1")
        if max(height, width) > self.size:
            raise UserError(
                f"generator=pixels is shown {width}x{height} pixels, and has room for {self.size} a side: "
                "augmentation=fit shrinks pictures to size"
            )
        if self.training:
            self._settle(image)
            return {"raw": self._corner(height, width, int(self.side))[None]}
        if not self.side and self.start == "content":
            return {"raw": image}
        shown = self._corner(height, width, int(self.side) or self.size)[None]
        return {"raw": _resized(shown, height, width)}

    @torch.no_grad()
    def _settle(self, image: Tensor) -> None:
        """Bring the picture to the size of the phase, and into range."""
        height, width = image.shape[-2:]
        before = int(self.side)
        if before != self.wanted:
            corner = self._corner(height, width, self.wanted)
            if before:
                corner.copy_(_resized(self._corner(height, width, before)[None], *corner.shape[-2:])[0])
            elif self.start == "content":
                corner.copy_(_resized(image, *corner.shape[-2:])[0])
            self.side.fill_(self.wanted)
        self.picture.clamp_(0.0, 1.0)

    def _corner(self, height: int, width: int, side: int) -> Tensor:
        """Return the part of the parameter that a picture of these sides takes up when `size` is `side`."""
        rows, columns = (max(1, round(length * side / self.size)) for length in (height, width))
        return self.picture[:, :rows, :columns]


def _resized(images: Tensor, height: int, width: int) -> Tensor:
    """Return pictures (B, C, h, w) at another size."""
    if images.shape[-2:] == (height, width):
        return images
    return functional.interpolate(images, (height, width), mode="bicubic", antialias=True).clamp(0.0, 1.0)
