"""Streams of samples, each sample a pure function of a seed and a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from henkan.data.frame import Frame
from henkan.data.framing import Framing
from henkan.data.pictures import Layer, Picture, Pictures
from henkan.data.splits import Split
from henkan.data.stroke_pictures import StrokePictures
from henkan.data.strokes import Strokes
from henkan.errors import BrokenPicture, UserError
from henkan.randomness import generator_for
from henkan.sample import LABEL_MAPS, Parameters, Sample

# The key under which a sample tells of pictures that were passed over for it.
BROKEN = "broken"
# Pictures in a row that may be broken: where half of all are, one sample in 65,536 finds none.
ATTEMPTS = 16

Item = dict[str, Any]
"""One sample, not yet collated: pictures uint8 (C, H, W), `window` int64 (2,), `name` str, `index` int."""


class ParameterGenerator(Protocol):
    """What of a degradation samples are drawn with: see `henkan.degradations.degradation.Degradation`."""

    whole: bool

    def draw(self, target: Picture, rng: np.random.Generator, name: str = "") -> Parameters: ...

    def draw_strokes(
        self, strokes: Strokes, target: Picture, rng: np.random.Generator, name: str = ""
    ) -> Parameters: ...


class TrainingStream(Dataset[Item]):
    """Sample (counter, i) of a split, the training split say, a pure function of (seed, counter, i).

    Each counter goes through the pictures in epochs, in a new order every time: picture i of a counter is
    entry i mod n of the permutation of epoch i // n. Crop and degradation are drawn from the sample's own
    generator.

    Another picture takes the place of one that cannot be read, where pictures skip such, and of one that they reject,
    drawn from (seed, counter, i, attempt): no other sample is another for it. Where broken ones are skipped samples
    have the key `BROKEN`, what was passed over.
    """

    def __init__(
        self,
        pictures: Pictures,
        framing: Framing | None,
        degradation: ParameterGenerator,
        seed: int,
        split: Split = "train",
    ) -> None:
        self.pictures, self.framing, self.degradation, self.seed = pictures, framing, degradation, seed
        self._split, self._names = split, pictures.some_names(split)
        self._orders: dict[str, tuple[int, NDArray[np.int64]]] = {}
        # What is scored is not screened, nor what is compared with it.
        self.rejects = pictures.rejects if split == "train" else None
        # By name, known from when a picture was drawn before.
        self._verdicts: dict[str, bool] = {}
        pictures.prepare()

    def __getitem__(self, key: tuple[str, int]) -> Item:
        counter, i = key
        epoch, position = divmod(i, len(self._names))
        name = self._names[self._order(counter, epoch)[position]]
        rng = generator_for(self.seed, "sample", counter, i)
        broken: list[str] = []
        most = ATTEMPTS if self.rejects is None else max(ATTEMPTS, self.rejects.attempts)
        for attempt in range(most):
            if len(broken) == ATTEMPTS:
                break
            try:
                if not self._passed_over(name):
                    made = make_sample(self.pictures, name, i, self.framing, self.degradation, rng, reduced=True)
                    return {**made, BROKEN: broken} if self.pictures.skip_broken else made
            except BrokenPicture as error:
                if not self.pictures.skip_broken:
                    raise
                broken.append(str(error))
            rng = generator_for(self.seed, "in its place", counter, i, attempt)
            name = self._names[rng.integers(len(self._names))]
        if len(broken) == ATTEMPTS or self.rejects is None:
            raise UserError(
                f"{len(broken)} pictures of {self.pictures.where} in a row cannot be read, the last: {broken[-1]}; "
                "henkan data lists all"
            )
        raise UserError(
            f"{most} pictures of {self.pictures.where} in a row are {self.rejects.reason}: henkan data counts them; "
            "give others, or pass over none with ~screen"
        )

    def _passed_over(self, name: str) -> bool:
        """Return whether a picture is rejected: by the whole of it, however it is framed, and so read, this time."""
        if self.rejects is None:
            return False
        if name not in self._verdicts:
            self._verdicts[name] = self.rejects(self.pictures.picture(name))
        return self._verdicts[name]

    def _order(self, counter: str, epoch: int) -> NDArray[np.int64]:
        kept = self._orders.get(counter)
        if kept is None or kept[0] != epoch:
            rng = generator_for(self.seed, "order", counter, epoch)
            # How often a picture is shown is a matter of training.
            order = self.pictures.epoch(rng) if self._split == "train" else rng.permutation(len(self._names))
            kept = self._orders[counter] = (epoch, order)
        return kept[1]


class Streams(Dataset[tuple[str, Item]]):
    """Several training streams by name: sample (stream, counter, i) is sample (counter, i) of one of them."""

    def __init__(self, streams: Mapping[str, TrainingStream]) -> None:
        self.streams = dict(streams)

    def __getitem__(self, key: tuple[str, str, int]) -> tuple[str, Item]:
        stream, counter, i = key
        return stream, self.streams[stream][counter, i]


class EvaluationSet(Dataset[Item]):
    """The pictures of a split in the order of their names, each with its own, fixed degradation.

    The generator hashes (data seed, name). `framing` None shows whole pictures, whose sizes may differ: then
    a batch is one picture. `reduced`: whether they are read smaller where framing shrinks them, as training reads them.
    """

    def __init__(
        self,
        pictures: Pictures,
        split: Split,
        framing: Framing | None,
        degradation: ParameterGenerator,
        data_seed: int,
        reduced: bool = False,
    ) -> None:
        self.pictures, self.framing, self.degradation = pictures, framing, degradation
        self.data_seed, self.reduced = data_seed, reduced
        self.names = pictures.some_names(split)
        pictures.prepare()

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Item:
        name = self.names[index]
        rng = generator_for(self.data_seed, "evaluation", name)
        return make_sample(self.pictures, name, index, self.framing, self.degradation, rng, self.reduced)


def make_sample(
    pictures: Pictures,
    name: str,
    index: int,
    framing: Framing | None,
    degradation: ParameterGenerator,
    rng: np.random.Generator,
    reduced: bool = False,
) -> Item:
    """Return one sample, framed and with what its degradation draws for it.

    `reduced`: whether its picture is read smaller where framing shrinks it, which moves a cut by a pixel at most.
    """
    if (strokes := pictures.strokes(name)) is not None:
        target, shown = _shown_strokes(pictures, name, strokes, framing, rng)
        layers, drawn = {"target": target}, degradation.draw_strokes(shown, target, rng, name)
    else:
        if reduced and framing is not None and pictures.reducible and framing.tries == 1 and not degradation.whole:
            layers = {"target": _reduced(pictures, name, framing, rng)}
        else:
            layers = _shown_layers(pictures, name, framing, degradation, rng)
        drawn = degradation.draw(layers["target"], rng, name)
    channels_first = {key: layer.transpose(2, 0, 1) for key, layer in layers.items()}
    if "source" in drawn and "source" in layers:
        raise UserError(f"{name} comes with a source, and the degradation makes another: choose data of pictures alone")
    return {**drawn, **pictures.facts_of(name), **channels_first, "name": name, "index": index}


def _shown_layers(
    pictures: Pictures, name: str, framing: Framing | None, degradation: ParameterGenerator, rng: np.random.Generator
) -> dict[str, Picture]:
    """Return a picture and its companions, framed alike: where the source is smaller, on its own pixels."""
    target, scale = pictures.picture(name), pictures.scale
    layers = {"target": target, **pictures.companions(name)}
    check_sizes(pictures, name, layers)
    if framing is None:
        return layers
    if framing.recolors and "source" in layers:
        raise UserError(
            f"{name}: its source would keep the colors that its target loses: leave both as they are "
            "(augmentation.tones=null)"
        )
    drawn = framing.divided(scale)
    for _ in range(framing.tries):
        own = drawn.draw(target.shape[0] // scale, target.shape[1] // scale, rng, name)
        frame = own.times(scale)
        if degradation.whole and not frame.keeps(target.shape):
            raise UserError(
                f"{name}: its own mask does not fit once the picture is cut or mirrored: take degradation=mask_folder "
                "for training, and evaluation.framing=null for evaluation"
            )
        framed = frame(target, pictures.threshold)
        if framing.accepts(framed):
            break
    others = {
        key: frame.of_labels(layer) if key in LABEL_MAPS else (own if key == "source" else frame)(layer)
        for key, layer in layers.items()
        if key != "target"
    }
    return {"target": frame.recolored(framed), **others}


def _reduced(pictures: Pictures, name: str, framing: Framing, rng: np.random.Generator) -> Picture:
    """Return a picture that nothing comes with, framed, read no larger than that takes."""
    drawn: list[Frame] = []

    def choose(height: int, width: int) -> int:
        drawn.append(framing.draw(height, width, rng, name))
        return drawn[0].reduction

    picture, by = pictures.reduced(name, choose)
    frame = drawn[0].reduced(by, *picture.shape[:2])
    return frame.recolored(frame(picture, pictures.threshold))


def check_sizes(pictures: Pictures, name: str, layers: Mapping[str, Layer]) -> None:
    """Raise `UserError` for what comes with a picture (`layers`, the `target` among them) in another size than it."""
    target = layers["target"]
    for key, layer in layers.items():
        # What comes framed and degraded may well be smaller than its target.
        times = pictures.scale if key == "source" else 1
        if tuple(side * times for side in layer.shape[:2]) != target.shape[:2] and not pictures.ready:
            way = "make them equal" if times == 1 else f"make it {times} times larger, or remove the pair"
            raise UserError(f"{name}: its {key} is {_size(layer)} pixels, its target {_size(target)}: {way}")


def _shown_strokes(
    pictures: Pictures, name: str, strokes: Strokes, framing: Framing | None, rng: np.random.Generator
) -> tuple[Picture, Strokes]:
    """Return a drawing as it is framed, in pixels and as strokes: it is drawn at the size at which it is shown."""
    assert isinstance(pictures, StrokePictures)
    height, width = pictures.size(name)
    if framing is None:
        return pictures.draw(strokes, height, width), pictures.inked(strokes)
    for _ in range(framing.tries):
        frame = framing.draw(height, width, rng, name)
        shown = strokes.moved(frame.matrix)
        target = pictures.draw(shown, frame.size, frame.size)
        if framing.accepts(target):
            break
    return target, pictures.inked(shown)


def _size(picture: Picture) -> str:
    height, width = picture.shape[:2]
    return f"{width}x{height}"


def collate(items: Sequence[Sample]) -> Item:
    """Stack samples into a batch: arrays keep their dtype, integers become int64, names a list.

    Raises `UserError` for pictures of different sizes.
    """
    batch: Item = {}
    for key, first in items[0].items():
        values = [item[key] for item in items]
        if isinstance(first, np.ndarray) and first.ndim == 3:
            if len(shapes := {value.shape for value in values}) > 1:
                sizes = " and ".join(sorted(f"{width}x{height}" for _, height, width in shapes))
                raise UserError(
                    f"a batch of pictures of {sizes} pixels: set batch_size=1, or cut them to one size "
                    "(augmentation=crop_flip)"
                )
            # Pictures keep their channels last in memory, as networks do where it is faster.
            pictures = np.stack([value.transpose(1, 2, 0) for value in values])
            batch[key] = torch.from_numpy(pictures).permute(0, 3, 1, 2)
        elif isinstance(first, np.ndarray):
            batch[key] = torch.from_numpy(np.stack(values))
        else:
            batch[key] = torch.tensor(values) if isinstance(first, int) else values
    return batch


def collate_streams(items: Sequence[tuple[str, Sample]]) -> dict[str, Item]:
    """Stack the samples of each stream into a batch of its own."""
    found: dict[str, list[Sample]] = {}
    for stream, item in items:
        found.setdefault(stream, []).append(item)
    return {stream: collate(own) for stream, own in found.items()}
