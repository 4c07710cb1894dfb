"""FID over Inception, where its weights are."""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance, NoTrainInceptionV3

from henkan.errors import MissingPackage
from henkan.metrics.per_image import exact, require_pair
from henkan.metrics.set_metric import SetMetric
from henkan.pretrained import weights


class FID(SetMetric):
    """Fréchet Inception distance (Heusel et al., 2017) of outputs and targets, by torchmetrics.

    Features are the 2048 of the authors' Inception as torch-fidelity has it; pictures are enlarged to 299 px. From 0
    on, 0 for the same set. Of few pictures it is far too high, and below 2,048 the covariance has not full rank: NaN
    for fewer than `minimum`. Raises `MissingPackage` without torch-fidelity, `MissingWeights` if
    weights-inception-2015-12-05-6726825d.pth is absent: nothing is downloaded.
    """

    def __init__(self, minimum: int = 2048) -> None:
        self.minimum = minimum
        self._distance = FrechetInceptionDistance(feature=_network())
        self._count = 0

    def reset(self) -> None:
        self._distance.reset()
        self._count = 0

    @exact
    def update(self, output: Tensor, target: Tensor) -> None:
        """Take in pictures (B, 3, H, W) in [0, 1], grey ones (B, 1, H, W), and true ones."""
        require_pair(output, target)
        self._distance.to(output.device)
        for images, real in ((output, False), (target, True)):
            # As torchmetrics wants them, whose Inception begins with 8 bits.
            self._distance.update((255 * images.expand(-1, 3, -1, -1)).round().byte(), real=real)
        self._count += len(output)

    def compute(self) -> float:
        return float(self._distance.compute()) if self._count >= max(self.minimum, 2) else float("nan")


@functools.cache
@torch.inference_mode(False)
def _network() -> nn.Module:
    """Return Inception, one for the process."""
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3
    except ModuleNotFoundError as error:
        raise MissingPackage("fid needs the package torch-fidelity: pip install 'henkan[metrics]'") from error
    path = weights.find(URL_INCEPTION_V3)
    # Checked before torch-fidelity unpickles it.
    weights.read(path, f"download {URL_INCEPTION_V3} again")
    return _Inception(NoTrainInceptionV3("inception-v3-compat", ["2048"], str(path)))


class _Inception(nn.Module):
    """Pictures of 8 bits, (B, 3, H, W), to (B, 2048): how wide that is spares torchmetrics a trial."""

    num_features = 2048

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.network(images)
        return features.double()
