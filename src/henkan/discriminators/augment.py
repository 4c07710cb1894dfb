"""DiffAugment: what a discriminator is shown is changed at random, real and fake alike (Zhao et al. 2020).

"Differentiable Augmentation for Data-Efficient GAN Training": a discriminator with few pictures learns them by heart;
one that never sees them as they are cannot. The generator's gradient goes through the changes, so that it does not
learn to make them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from henkan.errors import UserError


@dataclass(frozen=True)
class Draw:
    """What chance said of each sample: uniform numbers in [0, 1), which settings and sides turn into changes."""

    color: Tensor
    """(B, 3): brightness, saturation, contrast, for the picture and its window alike."""
    whole: Tensor
    """(B, 4): down, right, and the middle of the cutout (y, x), for all that lies on the picture."""
    window: Tensor
    """(B, 4): the same for the window."""


@dataclass(frozen=True)
class _Role:
    """How one of the judged tensors is changed: in color or not, what fills its gaps, moved by itself or not."""

    colored: bool
    fill: float
    alone: bool


GREY = 0.5
ROLES = {
    "image": _Role(colored=True, fill=GREY, alone=False),
    "condition": _Role(colored=False, fill=GREY, alone=False),
    "mask": _Role(colored=False, fill=0.0, alone=False),
    "window": _Role(colored=True, fill=GREY, alone=True),
}


class DiffAugment:
    """Change judged pictures in color, move them, and cut a rectangle out of each; every sample by its own draw.

    In this order, and not clipped:
    - `brightness`: + U(-brightness, brightness);
    - `saturation`: the distance from the mean over channels · U(1 - saturation, 1 + saturation); grey has none;
    - `contrast`: the distance from the mean over the picture · U(1 - contrast, 1 + contrast);
    - `translation`: by whole pixels, evenly among all from -translation to translation times each side;
    - `cutout`: a rectangle of this share of each side, its middle anywhere, so that it may hang over the border.

    Defaults are the paper's. It states them for pictures in [-1, 1], these are in [0, 1]: its brightness of 0.5 is 0.25
    here, and the zeros that it fills gaps with are middle grey. Each is between 0 and 1; null (or 0) leaves it out.

    `image` (B, C, H, W), `condition` (B, C', H, W) and `mask` (B, 1, H, W) lie on each other: they are moved and cut
    alike. A mask's gaps are 0 (nothing is missing there), and only `image` and `window` change in color. `window`
    (B, C, h, w) has the image's draw of color, about its own mean, and a place of its own. Brightness, saturation and
    contrast mean what they say for RGB and grey pictures, not for L, a, b.

    Results are float32, differentiable, and nothing waits for the device. Chance is PyTorch's global generator's.
    """

    def __init__(
        self,
        brightness: float | None = 0.25,
        saturation: float | None = 1.0,
        contrast: float | None = 0.5,
        translation: float | None = 0.125,
        cutout: float | None = 0.5,
    ) -> None:
        self.brightness = _share("brightness", brightness)
        self.saturation = _share("saturation", saturation)
        self.contrast = _share("contrast", contrast)
        self.translation = _share("translation", translation)
        self.cutout = _share("cutout", cutout)

    def __call__(self, judged: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return what is judged, each sample changed by a new draw; raises `UserError` as `apply` does."""
        some = next(iter(judged.values()))
        return self.apply(judged, self.draw(len(some), some.device))

    def draw(self, batch: int, device: torch.device) -> Draw:
        """Draw for a batch: always the same numbers of the generator, whatever the settings are."""
        color, whole, window = torch.rand(batch, 11, device=device).tensor_split((3, 7), dim=1)
        return Draw(color, whole, window)

    def apply(self, judged: Mapping[str, Tensor], draw: Draw) -> dict[str, Tensor]:
        """Return what is judged, changed by a draw; raises `UserError` for what it does not know how to change."""
        return {name: self._changed(name, values.float(), draw) for name, values in judged.items()}

    def _changed(self, name: str, values: Tensor, draw: Draw) -> Tensor:
        if name not in ROLES:
            raise UserError(
                f"judged_augmentation changes {', '.join(ROLES)}, not {name!r}, which this discriminator looks at: "
                "choose another discriminator, or judged_augmentation=null"
            )
        role = ROLES[name]
        if role.colored:
            values = self._colored(values, draw.color)
        if self.translation or self.cutout:
            values = self._moved(values, draw.window if role.alone else draw.whole, role.fill)
        return values

    def _colored(self, pictures: Tensor, draw: Tensor) -> Tensor:
        brightness, saturation, contrast = (2.0 * draw - 1.0)[..., None, None, None].unbind(1)
        if self.brightness:
            pictures = pictures + self.brightness * brightness
        if self.saturation:
            grey = pictures.mean(1, keepdim=True)
            pictures = grey + (pictures - grey) * (1.0 + self.saturation * saturation)
        if self.contrast:
            mean = pictures.mean((1, 2, 3), keepdim=True)
            pictures = mean + (pictures - mean) * (1.0 + self.contrast * contrast)
        return pictures

    def _moved(self, values: Tensor, draw: Tensor, fill: float) -> Tensor:
        rows, row_seen, row_cut = self._along(values.shape[2], draw[:, 0::2])
        columns, column_seen, column_cut = self._along(values.shape[3], draw[:, 1::2])
        seen = row_seen[:, :, None] & column_seen[:, None, :] & ~(row_cut[:, :, None] & column_cut[:, None, :])
        # Around in a circle: each pixel is read once, so that no two gradients meet in one, in whatever order.
        turned = values.gather(2, rows[:, None, :, None].expand_as(values))
        turned = turned.gather(3, columns[:, None, None, :].expand_as(values))
        return turned.where(seen[:, None], fill)

    def _along(self, side: int, draw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return, along one side, (B, side) each: which pixel is read, whether there is one, whether it is cut out.

        `draw` (B, 2): shift and middle of the cutout.
        """
        places = torch.arange(side, device=draw.device)
        reach, length = _pixels(side, self.translation), _pixels(side, self.cutout)
        shift = (draw[:, :1] * (2 * reach + 1)).long() - reach
        # An even length has its middle between pixels, of which there is one more.
        first = (draw[:, 1:] * (side + 1 - length % 2)).long() - length // 2
        read = places - shift
        return read % side, (read >= 0) & (read < side), (places >= first) & (places < first + length)


def _pixels(side: int, share: float) -> int:
    return int(side * share + 0.5)


def _share(name: str, value: float | None) -> float:
    if value is None:
        return 0.0
    if not 0.0 <= value <= 1.0:
        raise UserError(f"judged_augmentation.{name}={value} must lie between 0 and 1, or be null")
    return value
