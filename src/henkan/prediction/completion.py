"""Fill what a mask marks in a picture, and leave all else bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from henkan.config.build import build
from henkan.data.masks import check_mask, read_mask
from henkan.errors import UserError
from henkan.networks.modes import device_of, heeds, learns
from henkan.prediction import tiling
from henkan.prediction.companions import masks_of
from henkan.prediction.given import NOTHING, Given, whole_numbers
from henkan.prediction.predictor import PICTURE, Predictor
from henkan.prediction.removal import feathered, grown, object_in
from henkan.pretrained.saliency import Saliency
from henkan.pretrained.weights import sought_in
from henkan.transform import Transform

# Pixels around the hole that post-processing is shown.
POSTPROCESSED = 32


class FillHoles(Predictor):
    """Completes pictures: each has a mask, white where something is missing, or a box with an object to remove.

    The hole is made wider by `grow` pixels, and what fills it mixed with the picture over `feather` pixels at its edge.
    """

    takes = frozenset({"mask", "remove"})

    def check(self, given: Mapping[str, Any]) -> None:
        if "move" in given:
            raise UserError(
                "completion moves nothing: take task=super_resolution generator=bidirectional, with the object's mask"
            )
        super().check(given)
        # Said before a mask is asked for.
        if not learns(self.network) and "mask" not in heeds(self.network):
            raise UserError("this method fills no holes: if it is one for color, add task=colorization")
        if "mask" in given and "remove" in given:
            raise UserError("mask and remove both say what goes: give one of them")
        if "remove" in given:
            if not whole_numbers(given["remove"], 4):
                raise UserError(f"remove={given['remove']} is no box: give remove=[x,y,width,height], in pixels")
            # Said before a picture is read, if its weights are absent.
            _ = self.saliency

    def expect(self, pictures: Sequence[Path]) -> list[Path]:
        super().expect(pictures)
        _ = self.postprocess
        self.masks: dict[Path, Path] = {}
        if self.cfg.remove is None:
            given = None if self.cfg.mask is None else Path(str(self.cfg.mask))
            self.masks = masks_of(pictures, given, self.place)
        return list(self.masks.values())

    def beside(self, path: Path) -> Given:
        return Given(remove=self.cfg.remove) if path not in self.masks else Given(mask=read_mask(self.masks[path]))

    def made(self, image: Image.Image, given: Given = NOTHING, name: str = PICTURE) -> Image.Image:
        if given.remove is not None:
            hole = object_in(np.asarray(image.convert("RGB")), given.remove, self.saliency, name)
        elif given.mask is None:
            raise UserError(f"{name}: what is missing is not said: give a mask, white there, or remove, a box")
        else:
            check_mask(given.mask, (image.height, image.width), name)
            hole = given.mask > 0
        hole = grown(hole, self.cfg.grow)
        if hole.all():
            raise UserError(f"{name}: the hole, {self.cfg.grow} pixels wider, covers the whole picture: lower grow")
        result = complete(image, hole, self.network, self.transform, self.budget, self.postprocess)
        return feathered(image, result, hole, self.cfg.feather)

    @cached_property
    def saliency(self) -> Saliency:
        """What finds an object in a box."""
        # It may be asked for long after a model was loaded.
        with sought_in(self.cfg.paths.weights):
            return Saliency()

    @cached_property
    def postprocess(self) -> Callable[[Tensor, Tensor], Tensor] | None:
        """What is done to the filled picture."""
        node = self.cfg.get("postprocess")
        made: Callable[[Tensor, Tensor], Tensor] | None = None if node is None else build(node)
        return made


def complete(
    image: Image.Image,
    hole: NDArray[np.bool_],
    network: nn.Module,
    transform: Transform,
    budget: int,
    postprocess: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> Image.Image:
    """Return the picture with its hole filled, of the same mode; all else stays bit for bit, alpha included.

    Each tile is filled by itself; what is done afterwards is done once, around the whole hole.
    """
    tiles = tiling.split(hole, budget, getattr(network, "context", None), getattr(network, "multiple", 1))
    if not tiles:
        return image
    device = device_of(network)
    pixels = np.asarray(image.convert("RGB"))

    @torch.inference_mode()
    def fill(box: tiling.Box) -> NDArray[np.float32]:
        target = torch.from_numpy(pixels[box.slices].copy()).permute(2, 0, 1)[None]
        mask = torch.from_numpy(hole[box.slices].astype(np.uint8))[None, None]
        sample = transform.prepare({"target": target.to(device), "mask": mask.to(device)})
        output = transform.generate(network, sample)["output"]
        return np.asarray(output[0].permute(1, 2, 0).cpu().numpy(), np.float32)

    filled = tiling.merge(tiles, fill, *hole.shape)
    merged = np.where(hole[..., None], (filled.clip(0, 1) * 255).round().astype(np.uint8), pixels)
    if postprocess is not None:
        box = tiling.bounds(hole).grown(POSTPROCESSED, *hole.shape)
        output = torch.from_numpy(merged[box.slices].copy()).permute(2, 0, 1)[None] / 255.0
        mask = torch.from_numpy(hole[box.slices].astype(np.float32))[None, None]
        blended = postprocess(output, mask)[0].permute(1, 2, 0).mul(255).round()
        merged[box.slices] = blended.numpy().astype(np.uint8)
    found = Image.fromarray(merged)
    before = np.asarray(image)
    result = before.copy()
    if image.mode in ("L", "LA"):
        grey = np.asarray(found.convert("L"))
        result[hole] = grey[hole] if image.mode == "L" else np.stack((grey, before[..., 1]), axis=2)[hole]
    else:
        result[hole, :3] = np.asarray(found)[hole]
    return Image.fromarray(result)
