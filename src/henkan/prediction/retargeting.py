"""Another size for a person's own pictures by bidirectional similarity, or another place for what they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig
from torch import Tensor

from henkan.baselines.bidirectional import Bidirectional
from henkan.data.drawings import Floats
from henkan.data.masks import check_mask, read_mask
from henkan.errors import UserError
from henkan.prediction.companions import Place, companions_of, masks_of
from henkan.prediction.given import Given, Layer, whole_numbers
from henkan.prediction.pictures import read
from henkan.prediction.removal import grown


class Companions:
    """The files that say of pictures what counts (`cfg.importance`: one, or a folder with one of each stem), or which
    object moves (`cfg.mask`). `place` says where in a folder a picture lies. Raises `UserError` where one is missing.
    """

    def __init__(self, cfg: DictConfig, pictures: Sequence[Path], place: Place) -> None:
        self.move = cfg.move
        marked = None if cfg.mask is None else Path(str(cfg.mask))
        self.masks = {} if self.move is None else masks_of(pictures, marked, place)
        self.importance: dict[Path, Path] = {}
        if cfg.importance is not None:
            told = Path(str(cfg.importance))
            self.importance = companions_of(pictures, told, place)
            for path in pictures:
                if not (own := self.importance.get(path, told / f"{path.stem}.png")).is_file():
                    raise UserError(f"there is no {own}, which would say what is important in {path}")

    @property
    def files(self) -> list[Path]:
        return [*self.masks.values(), *self.importance.values()]

    def of(self, path: Path) -> Given:
        """Return what belongs to the picture in a file."""
        own = self.importance.get(path)
        return Given(
            mask=read_mask(self.masks[path]) if path in self.masks else None,
            importance=None if own is None else Layer(read(own), str(own)),
            move=self.move,
        )


def check_retargeting(network: Bidirectional, given: Mapping[str, Any]) -> None:
    """Raise `UserError` where what is given does not belong together, or to the network."""
    if "move" in given:
        move_of(given["move"])
        if "importance" in given:
            raise UserError("importance is about another size, and move about an object: give one of them")
        if network.size is not None:
            raise UserError("an object moves within a picture of its own size: leave out generator.size, or move")
        return
    if network.size is None:
        raise UserError(
            "say which size pictures are to have, as in generator.size=[320,240], or what moves where, as in "
            "mask=object.png move=[40,0]"
        )
    if "mask" in given:
        raise UserError(f"mask={given['mask']} marks an object, and move=[right,down] says where it goes: give both")


def retargeted(
    network: Bidirectional, picture: Floats, given: Given, grow: int, name: str, device: torch.device
) -> Floats:
    """Return a picture (H, W, 3) in [0, 1] at the network's size, or with the object moved that a mask marks.

    At its old place `grow` pixels more than the object are filled. Raises `UserError` naming the picture.
    """
    image = tensor_of(picture, device)
    with torch.inference_mode():
        if given.move is not None:
            if given.mask is None:
                raise UserError(f"{name}: which object moves is not said: give a mask, white there")
            check_mask(given.mask, picture.shape[:2], name)
            object_, hole = given.mask > 0, grown(given.mask > 0, grow)
            held, old = (tensor_of(flags[..., None], device) for flags in (object_, hole))
            made = network.moved(image, held, move_of(given.move), old)
        elif given.importance is not None:
            counts = importance_in(given.importance, picture.shape[:2], name)
            made = network(image, tensor_of(counts[..., None], device))["raw"]
        else:
            made = network(image)["raw"]
    return np.asarray(made[0].permute(1, 2, 0).cpu().numpy(), np.float32)


def tensor_of(values: Floats | NDArray[np.bool_], device: torch.device) -> Tensor:
    """Return (1, C, H, W) of (H, W, C)."""
    return torch.from_numpy(values.astype(np.float32).transpose(2, 0, 1).copy())[None].to(device)


def move_of(given: object) -> tuple[int, int]:
    """Return by how many pixels an object goes right and down. Raises `UserError` for all else."""
    if not whole_numbers(given, 2):
        raise UserError(f"move={given} is no way in pixels: give move=[right,down], as in move=[40,0] or move=[-25,10]")
    return given[0], given[1]


def importance_in(layer: Layer, shape: tuple[int, ...], name: str) -> Floats:
    """Return what a grey picture says of importance, (H, W), from 0, black, to 1, white.

    Raises `UserError` if it is told of a picture of another size.
    """
    counts = np.asarray(np.asarray(layer.image.convert("L"), np.float32) / 255, np.float32)
    if counts.shape != shape:
        one, other = (f"{width}x{height}" for height, width in (counts.shape, shape))
        raise UserError(f"{layer.name} has {one} pixels and {name} {other}: make them equal")
    return counts
