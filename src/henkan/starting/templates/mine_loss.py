"""A term of the loss: how differently two pictures change from pixel to pixel."""

from __future__ import annotations

from torch import Tensor


class MineLoss:
    """Mean of |∇input - ∇target|, ∇ being differences to the right and lower neighbor, to the power of `exponent`.

    A loss is called with what its arguments are named after: `input` is the generator's output, `target` the truth;
    any other key of a sample (henkan/sample.py lists them) can be asked for, and has `= None` where it may be absent.
    `reads:` in the YAML names other keys. Pictures are (B, C, H, W) in [0, 1]. Returns one value for each picture,
    (B,), or a scalar where it is about the whole batch; a gradient has to go through it.
    """

    def __init__(self, exponent: float = 1.0) -> None:
        self.exponent = exponent

    def __call__(self, input: Tensor, target: Tensor) -> Tensor:
        difference = input - target
        across, down = difference.diff(dim=-1), difference.diff(dim=-2)
        return across.abs().pow(self.exponent).mean((1, 2, 3)) + down.abs().pow(self.exponent).mean((1, 2, 3))
