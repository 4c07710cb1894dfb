"""Pictures in memory: arrays, tensors and Pillow's, as pictures of 8 bits and back again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFile
from torch import Tensor

from henkan.data.decode import upright
from henkan.data.masks import Mask, painted, read_mask
from henkan.errors import UserError
from henkan.prediction.given import Layer
from henkan.prediction.pictures import has_16_bits, in_8_bits
from henkan.prediction.strokes import read_layer

Array = NDArray[Any]
Restore = Callable[[Sequence[Image.Image]], Any]
# How far from [0, 1] a float may lie, for what was computed before.
BEYOND = 1e-3


def pictures_in(given: Any, name: str) -> tuple[list[Image.Image], Restore]:
    """Return the pictures that something holds, in L, LA, RGB or RGBA, and what turns such ones into the same kind.

    `given` is a Pillow picture; an array (H, W) or (H, W, C); or a tensor (C, H, W) or (B, C, H, W); with 8 bits or
    floats in [0, 1], C from 1 to 4. Floats are worked on in 8 bits, and where these stay as they are, so do they.
    A picture that Pillow has opened, and nobody has worked on since, is seen as in its file: upright. Classes (Pillow's
    mode P) stay whole numbers. Raises `UserError` for all else, which it calls `name`.
    """
    if isinstance(given, Image.Image):
        if 0 in given.size:
            raise UserError(f"{name} is empty: give one with pixels")
        deep = has_16_bits(given)
        try:
            seen = upright(given) if isinstance(given, ImageFile.ImageFile) else given
        # Pillow reads a file when it is looked at first: one that is damaged, or was closed before (an assertion).
        except (OSError, SyntaxError, ValueError, EOFError, AssertionError) as error:
            told = str(error) or "its file is closed"
            raise UserError(f"{name} cannot be decoded ({told}): open it again") from error
        return [in_8_bits(seen, deep, Path(name))], lambda made: made[0]
    if isinstance(given, Tensor):
        return pictures_in_tensor(given, name)
    if isinstance(given, np.ndarray):
        image = Image.fromarray(in_bytes(given, name))
        return [image], lambda made: like(made[0], given, image)
    raise UserError(f"{name} is of {type(given).__name__}: give an array, a tensor or a picture of Pillow")


def pictures_in_tensor(given: Tensor, name: str) -> tuple[list[Image.Image], Restore]:
    """Return the pictures of a tensor and what turns such ones into a tensor, where and as the given one is."""
    if given.layout != torch.strided or given.is_meta or given.is_quantized:
        raise UserError(f"{name} is a sparse, quantized or empty kind of tensor: give an ordinary one")
    if given.ndim not in (3, 4):
        raise UserError(f"{name} is a tensor of {tuple(given.shape)}: give (C, H, W) or (B, C, H, W)")
    batch = given.detach() if given.ndim == 4 else given.detach()[None]
    if not len(batch):
        raise UserError(f"{name} is an empty batch: give at least one picture")
    # NumPy does not know bfloat16.
    numbers = batch.float() if batch.is_floating_point() and batch.dtype != torch.float64 else batch
    arrays = [one.permute(1, 2, 0).cpu().numpy() for one in numbers]
    images = [Image.fromarray(in_bytes(array, name)) for array in arrays]

    def restored(made: Sequence[Image.Image]) -> Tensor:
        found = [like(*each) for each in zip(made, arrays, images, strict=True)]
        stacked = torch.stack([torch.from_numpy(np.atleast_3d(one).transpose(2, 0, 1).copy()) for one in found])
        stacked = stacked.to(given.device, given.dtype if stacked.is_floating_point() else stacked.dtype)
        return stacked if given.ndim == 4 else stacked[0]

    return images, restored


def in_bytes(array: Array, name: str) -> NDArray[np.uint8]:
    """Return (H, W) or (H, W, C), C from 2 to 4, of 8 bits. Raises `UserError` for what is no picture."""
    if array.ndim not in (2, 3) or 0 in array.shape or (array.ndim == 3 and array.shape[2] > 4):
        raise UserError(
            f"{name} is an array of {array.shape}: give (height, width) or (height, width, 1 to 4 channels)"
        )
    if array.dtype == np.bool_:
        array = array.astype(np.float32)
    if np.issubdtype(array.dtype, np.floating):
        low, high = float(array.min()), float(array.max())
        # Written so that what is not a number is refused too.
        if not (low >= -BEYOND and high <= 1 + BEYOND):
            raise UserError(f"{name} has values from {low:g} to {high:g}: floats are in [0, 1], 8 bits from 0 to 255")
        array = (array.clip(0, 1) * 255).round().astype(np.uint8)
    if array.dtype != np.uint8:
        raise UserError(f"{name} has samples of {array.dtype}: give uint8, or floats in [0, 1]")
    return np.ascontiguousarray(array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array)


def like(made: Image.Image, given: Array, shown: Image.Image) -> Array:
    """Return what was made as an array of the kind that was given: 8 bits or floats, grey with an axis or without."""
    found: Array = np.array(made)
    if np.issubdtype(given.dtype, np.floating) and made.mode != "P":
        floats = (found / 255).astype(given.dtype)
        before = np.asarray(shown)
        found = (
            np.where(found == before, given.reshape(before.shape), floats) if before.shape == found.shape else floats
        )
    return found[..., None] if found.ndim == 2 and given.ndim == 3 and given.shape[2] == 1 else found


def layer_in(given: Any, name: str, number: int = 0, count: int = 1) -> Layer:
    """Return the layer of picture `number` of `count`, given as a picture in memory, or as the path of one."""
    if isinstance(given, str | Path):
        return read_layer(Path(given).expanduser())
    images, _ = pictures_in(given, name)
    return Layer(chosen(images, number, count, name), name)


def mask_in(given: Any, name: str, number: int = 0, count: int = 1) -> Mask:
    """Return a mask, (H, W), 1 = missing, that was given as a picture in memory, or as the path of one.

    It is that of picture `number` of `count`: a tensor (count, H, W) is so many masks, not the channels of one.
    Whatever is not black counts as it does in a file (see `henkan.data.masks.painted`); 0 and 1 are black and white.
    """
    if isinstance(given, str | Path):
        return read_mask(Path(given).expanduser())
    if isinstance(given, Tensor) and given.ndim == 2:
        given = given[None]
    elif isinstance(given, Tensor) and given.ndim == 3 and len(given) == count > 1:
        given = given[:, None]
    images, _ = pictures_in(given, name)
    layers = np.asarray(chosen(images, number, count, name).convert("RGBA"))
    light = (layers[..., :3].max(axis=2).astype(np.int32) * layers[..., 3] + 254) // 255
    return painted((light * 255 if light.max() == 1 else light).astype(np.uint8), lossy=False).astype(np.uint8)


def chosen(images: Sequence[Image.Image], number: int, count: int, name: str) -> Image.Image:
    """Return which of several pictures belongs to picture `number` of `count`: the only one belongs to all."""
    if len(images) not in (1, count):
        raise UserError(f"{name} is {len(images)} pictures, and belongs to {count}: give as many, or one for all")
    return images[number if len(images) > 1 else 0]
