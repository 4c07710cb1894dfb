"""A trained run of completion as a method that fills holes, wherever one is asked for."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from omegaconf import OmegaConf
from PIL import Image
from torch import nn

from henkan.config.resolved import resolved
from henkan.errors import UserError
from henkan.files import user_cache
from henkan.prediction.completion import complete
from henkan.prediction.loaded import as_applied
from henkan.runs.trained import own_config
from henkan.tasks.completion import Completion
from henkan.training import checkpoint
from henkan.training.assemble import build_network, build_transform
from henkan.transform import Transform


class TrainedFilling:
    """Fills holes by the generator of the run in the folder `path` (or of a checkpoint), on the CPU, tile by tile.

    It is read when it is first needed. Raises `UserError` then without a path, and for a run of another task.
    """

    def __init__(self, path: str | Path | None, megapixels: float = 1.0) -> None:
        self.path, self.budget = path if path is None else Path(path).expanduser(), int(megapixels * 1e6)

    @cached_property
    def _trained(self) -> tuple[nn.Module, Transform]:
        run = self._given()
        word = {"run": str(run), "trust": False, "paths": {"cache": str(user_cache())}}
        config = as_applied(resolved(own_config(OmegaConf.create(word))))
        transform = build_transform(config)
        if not isinstance(transform.task, Completion):
            raise UserError(
                f"{run} completes no pictures (its task is {type(transform.task).__name__}): name one that does"
            )
        network, path = build_network(config, "generator"), checkpoint.find_checkpoint(run)
        checkpoint.load_weights(network, checkpoint.generator(checkpoint.load(path)), path)
        return network.eval(), transform

    def _given(self) -> Path:
        if self.path is None:
            raise UserError("a trained network fills holes, and which is not said: give path=FOLDER of its run")
        return self.path

    def fill(self, picture: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Return the picture (H, W, 3) with its hole (H, W) filled; all else stays."""
        network, transform = self._trained
        return np.asarray(complete(Image.fromarray(picture), hole, network, transform, self.budget))

    def manifest(self) -> str:
        """Return the hash of the weights."""
        return checkpoint.hash_weights(checkpoint.load(checkpoint.find_checkpoint(self._given())))
