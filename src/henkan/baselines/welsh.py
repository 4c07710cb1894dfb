"""Color transfer from a picture (Welsh, Ashikhmin, Mueller, "Transferring Color to Greyscale Images", 2002)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from scipy.spatial import cKDTree
from torch import Tensor

from henkan import color
from henkan.baselines.baseline import Baseline
from henkan.data.decode import decode
from henkan.errors import UserError
from henkan.randomness import generator_for

Floats = NDArray[np.float64]


class Welsh(Baseline):
    """Gives each pixel the color of that sample of a reference picture that is most like it.

    About `samples` pixels of the reference are drawn, one at random in each cell of a grid, the same ones always. Alike
    are lightness and its standard deviation over the `side` x `side` pixels around, both counting the same, after the
    picture's lightness was scaled to the mean and the deviation of the reference's. (The paper scales the reference to
    the picture; as everything compared is scaled alike, the matches are the same.) Luminance and color are CIELAB's,
    not lαβ's.

    `reference` is the path of a color picture. Input: `lightness` (B, 1, H, W), L/100. Returns `raw` (B, 2, H, W) in
    [0, 1]. Computed on the CPU. Raises `UserError` when called without a reference.
    """

    def __init__(self, reference: str | None = None, samples: int = 200, side: int = 5) -> None:
        super().__init__()
        if samples < 1 or side < 1 or side % 2 == 0:
            raise UserError(f"generator.samples={samples} must be 1 or more, generator.side={side} odd")
        self.reference, self.samples, self.side = reference, samples, side
        self._palette: _Palette | None = None

    @torch.no_grad()
    def forward(self, lightness: Tensor) -> dict[str, Tensor]:
        palette = self._palette = self._palette or self._sampled()
        pictures = lightness[:, 0].double().cpu().numpy()
        ab = torch.from_numpy(np.stack([palette.transfer(picture) for picture in pictures]))
        return {"raw": (ab.permute(0, 3, 1, 2).to(lightness.device, lightness.dtype) + 1.0) / 2.0}

    def _sampled(self) -> _Palette:
        if self.reference is None:
            raise UserError("generator.reference is not set: name a color picture to take the colors from")
        picture = torch.tensor(decode(Path(self.reference).expanduser())).permute(2, 0, 1) / 255.0
        lab = color.rgb_to_lab(picture).permute(1, 2, 0).double().numpy()
        return _Palette(lab[..., 0] / 100.0, lab[..., 1:] / color.AB, self.samples, self.side)


class _Palette:
    """Samples of a reference, by lightness (H, W) and deviation, with their colors out of (H, W, 2)."""

    def __init__(self, lightness: Floats, colors: Floats, samples: int, side: int) -> None:
        self.side, self.mean, self.deviation = side, lightness.mean(), lightness.std()
        at = _jittered(lightness.shape, samples)
        self.tree = cKDTree(_features(lightness, side)[at])
        self.colors = colors[at]

    def transfer(self, lightness: Floats) -> Floats:
        """Return a color (H, W, 2) for each pixel of a picture (H, W)."""
        deviation = lightness.std()
        # A picture of one lightness has nothing to scale.
        scale = self.deviation / deviation if deviation > 1e-6 else 1.0
        _, nearest = self.tree.query(_features((lightness - lightness.mean()) * scale + self.mean, self.side))
        return np.asarray(self.colors[nearest])


def _features(lightness: Floats, side: int) -> Floats:
    """Return lightness and its deviation around each pixel: (H, W) -> (H, W, 2)."""
    mean, square = (uniform_filter(values, side, mode="reflect") for values in (lightness, np.square(lightness)))
    return np.stack([lightness, np.sqrt(np.maximum(square - np.square(mean), 0.0))], axis=-1)


def _jittered(shape: tuple[int, ...], samples: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows and columns of about `samples` pixels, one at random in each of as many nearly square cells."""
    height, width = shape
    down = min(height, max(1, round((samples * height / width) ** 0.5)))
    across = min(width, max(1, round(samples / down)))
    rows, columns = np.indices((down, across)).reshape(2, -1)
    jitter = generator_for(0, "welsh").random((2, down * across))
    return ((rows + jitter[0]) * height / down).astype(int), ((columns + jitter[1]) * width / across).astype(int)
