"""Streams of samples, each sample a pure function of a seed and a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from henkan.data.framing import Framing
from henkan.data.pictures import Picture, Pictures
from henkan.data.splits import Split
from henkan.degradations.degradation import Degradation
from henkan.errors import UserError
from henkan.randomness import generator_for

Item = dict[str, Any]
"""One sample, not yet collated: pictures uint8 (C, H, W), `window` int64 (2,), `name` str, `index` int."""


class TrainingStream(Dataset[Item]):
    """Sample (counter, i) of the training split, a pure function of (seed, counter, i).

    Each counter goes through the pictures in epochs, in a new order every time: picture i of a counter is
    entry i mod n of the permutation of epoch i // n. Crop and degradation are drawn from the sample's own
    generator.
    """

    def __init__(self, pictures: Pictures, framing: Framing, degradation: Degradation, seed: int) -> None:
        self.pictures, self.framing, self.degradation, self.seed = pictures, framing, degradation, seed
        self._names = pictures.some_names("train")
        self._orders: dict[str, tuple[int, NDArray[np.int64]]] = {}
        pictures.prepare()

    def __getitem__(self, key: tuple[str, int]) -> Item:
        counter, i = key
        epoch, place = divmod(i, len(self._names))
        name = self._names[self._order(counter, epoch)[place]]
        rng = generator_for(self.seed, "sample", counter, i)
        return _sample(self.pictures, name, i, self.framing, self.degradation, rng)

    def _order(self, counter: str, epoch: int) -> NDArray[np.int64]:
        kept = self._orders.get(counter)
        if kept is None or kept[0] != epoch:
            order = generator_for(self.seed, "order", counter, epoch).permutation(len(self._names))
            kept = self._orders[counter] = (epoch, order)
        return kept[1]


class EvaluationSet(Dataset[Item]):
    """The pictures of a split in the order of their names, each with its own, fixed degradation.

    The generator hashes (data seed, name). `framing` None shows whole pictures, whose sizes may differ: then
    a batch is one picture.
    """

    def __init__(
        self,
        pictures: Pictures,
        split: Split,
        framing: Framing | None,
        degradation: Degradation,
        data_seed: int,
    ) -> None:
        self.pictures, self.framing, self.degradation, self.data_seed = (
            pictures,
            framing,
            degradation,
            data_seed,
        )
        self.names = pictures.some_names(split)
        pictures.prepare()

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Item:
        name = self.names[index]
        rng = generator_for(self.data_seed, "evaluation", name)
        return _sample(self.pictures, name, index, self.framing, self.degradation, rng)


def _sample(
    pictures: Pictures,
    name: str,
    index: int,
    framing: Framing | None,
    degradation: Degradation,
    rng: np.random.Generator,
) -> Item:
    target = pictures.picture(name)
    layers = {"target": target, **pictures.companions(name)}
    for key, layer in layers.items():
        if layer.shape != target.shape:
            raise UserError(f"{name}: its {key} is {_size(layer)} pixels, its target {_size(target)}: make them equal")
    if framing is not None:
        frame = framing.draw(target.shape[0], target.shape[1], rng, name)
        if degradation.whole and not frame.keeps(target.shape):
            raise UserError(
                f"{name}: its own mask does not fit once the picture is cut or mirrored: take degradation=mask_folder "
                "for training, and evaluation.framing=null for evaluation"
            )
        layers = {key: frame(layer) for key, layer in layers.items()}
    drawn = degradation.draw(layers["target"], rng, name)
    channels_first = {key: layer.transpose(2, 0, 1) for key, layer in layers.items()}
    return {**channels_first, **drawn, "name": name, "index": index}


def _size(picture: Picture) -> str:
    height, width = picture.shape[:2]
    return f"{width}x{height}"


def collate(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Stack samples into a batch: arrays keep their dtype, integers become int64, names a list."""
    batch: dict[str, Any] = {}
    for key, first in items[0].items():
        values = [item[key] for item in items]
        if isinstance(first, np.ndarray) and first.ndim == 3:
            # Pictures keep their channels last in memory, as networks do where it is faster.
            pictures = np.stack([value.transpose(1, 2, 0) for value in values])
            batch[key] = torch.from_numpy(pictures).permute(0, 3, 1, 2)
        elif isinstance(first, np.ndarray):
            batch[key] = torch.from_numpy(np.stack(values))
        else:
            batch[key] = torch.tensor(values) if isinstance(first, int) else values
    return batch
