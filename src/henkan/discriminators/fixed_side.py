"""What judges pictures of one size alone, since its last layers are fully connected."""

from __future__ import annotations

from torch import Tensor, nn

from henkan.errors import UserError
from henkan.networks.layers import chain


class FixedSide(nn.Module):
    """Looks at pictures (B, C, side, side) with `maps`, one after the other; raises `UserError` for any other size."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side
        self.maps = nn.ModuleList()

    def seen(self, image: Tensor) -> list[Tensor]:
        """Return what each of `maps` makes of pictures."""
        if image.shape[-2:] != (self.side, self.side):
            raise UserError(
                f"the discriminator was built for {self.side}x{self.side} pixels and is given "
                f"{image.shape[-2]}x{image.shape[-1]}: its side must be that of the crop, or of the window"
            )
        return chain(self.maps, image)
