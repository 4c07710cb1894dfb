"""What a discriminator says of pictures in which it has nothing to judge."""

from __future__ import annotations

from torch import Tensor

from henkan.errors import UserError


def check_side(pictures: Tensor, smallest: int, judge: str, instead: str) -> None:
    """Raise `UserError` for pictures (B, C, H, W) of a side below `smallest`, naming the judge and the way out."""
    if min(pictures.shape[-2:]) < smallest:
        raise UserError(
            f"{judge} needs pictures of {smallest} pixels a side at least, not "
            f"{pictures.shape[-1]}x{pictures.shape[-2]}: {instead}"
        )
