"""What a picture is of: masks of salient objects."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from henkan.errors import UserError
from henkan.pretrained import weights as files
from henkan.pretrained.catalogue import known

OBJECT = 0.5
"""More salient than this is the object."""

SIDE = 320
_MEAN, _STD = (np.array(values, np.float32) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
_ORIGIN = known("u2netp").origin


class Saliency:
    """How much each pixel belongs to what a person would call the object, by U²-Net (Qin et al., 2020).

    `weights` is an ONNX file, or the name of one in `paths.weights`, of a network that sees 320 x 320 pixels and whose
    first output is the map: u2netp (1.13 M parameters, half a second a picture), u2net. `digest` is its file's SHA-256.

    Call: a picture (H, W, 3), uint8 RGB, of any size -> (H, W), float32 in [0, 1]; above 0.5 is the object. Computed on
    the CPU, by OpenCV. Raises `MissingWeights` if the file is absent, `UserError` if it is no such network.
    """

    def __init__(self, weights: str = "u2netp.onnx") -> None:
        self.path = files.located(weights, _ORIGIN)
        files.check_fetched(self.path, f"delete it, {_ORIGIN}")
        self.digest = files.hash_of(self.path)
        try:
            self._network = cv2.dnn.readNetFromONNX(str(self.path))
            answer = self._answer(np.zeros((SIDE, SIDE, 3), np.float32))
        except cv2.error as error:
            raise UserError(
                f"{self.path} is damaged, or no network for {SIDE} x {SIDE} pixels: delete it, {_ORIGIN}"
            ) from error
        if answer.shape != (1, 1, SIDE, SIDE):
            raise UserError(f"{self.path} answers {answer.shape}, which is no map of {SIDE} x {SIDE}: {_ORIGIN}")

    def __call__(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
        # As in training: the brightest value is 1.
        small = (small / max(float(small.max()), 1.0) - _MEAN) / _STD
        found = cv2.resize(self._answer(small)[0, 0], picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return np.asarray(found.clip(0.0, 1.0), np.float32)

    def _answer(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        self._network.setInput(np.ascontiguousarray(values.transpose(2, 0, 1)[None]))
        return np.asarray(self._network.forward(self._network.getUnconnectedOutLayersNames()[0]))
