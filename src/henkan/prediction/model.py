"""A network that is called on pictures in memory, as `henkan predict` applies it to those in files."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from hydra.core.override_parser.types import Quote, QuotedString
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

from henkan.config.composition import compose_root
from henkan.config.overrides import check_types
from henkan.config.resolved import Config, resolved
from henkan.errors import UserError
from henkan.prediction import loaded
from henkan.prediction.given import Given
from henkan.prediction.memory import layer_in, mask_in, pictures_in
from henkan.prediction.predictor import PICTURE, Predictor, check_numbers
from henkan.pretrained.weights import sought_in
from henkan.training import checkpoint
from henkan.training.assemble import build_network
from henkan.training.model_file import is_model
from henkan.training.program_file import is_program
from henkan.zoo import networks as zoo

# What may be said anew at each call, of what `henkan predict` takes.
OPTIONS = ("grow", "feather", "invert", "resize", "side", "megapixels")
# What a message repeats of what was given.
TOLD = (str, Path, list, tuple)
LAYERS = ("scribble", "style", "strokes", "importance")


class Model:
    """A generator as its task applies it; `model(picture, …)` returns a picture of the kind that was given.

    `generator` is in eval mode, where it was loaded to; `discriminator` is None where the file has none; `config` is
    that of the run as plain values, `task` the task's name, `takes` what its task can be given beside a
    picture (a network that was trained without points still refuses them).
    """

    def __init__(self, predictor: Predictor, name: str, weights: Path | None = None) -> None:
        self.predictor, self.name, self.weights = predictor, name, weights
        self.config: Config = resolved(predictor.trained)

    def __repr__(self) -> str:
        return f"<henkan model {self.name}: {self.task} by {type(self.generator).__name__}>"

    @property
    def generator(self) -> nn.Module:
        return self.predictor.network

    @cached_property
    def discriminator(self) -> nn.Module | None:
        """What judged the generator in training, in eval mode."""
        if self.weights is None:
            return None
        weights = checkpoint.part(checkpoint.load(self.weights), "discriminator")
        if not weights:
            return None
        network = build_network(self.config, "discriminator")
        checkpoint.load_weights(network, weights, self.weights)
        return network.to(self.predictor.device).eval()

    @property
    def task(self) -> str:
        """The name of the task, as in `task=NAME`."""
        return self.predictor.task

    @property
    def takes(self) -> frozenset[str]:
        return self.predictor.takes

    def __call__(
        self,
        picture: Any,
        *,
        mask: Any = None,
        remove: Sequence[int] | None = None,
        points: Any = None,
        scribble: Any = None,
        style: Any = None,
        strokes: Any = None,
        importance: Any = None,
        move: Sequence[int] | None = None,
        **options: Any,
    ) -> Any:
        """Return what becomes of a picture of any size, whole, what is known of it unchanged, in tiles where it is big.

        `picture` is an array (H, W) or (H, W, C), a tensor (C, H, W) or (B, C, H, W), either of 8 bits or of floats in
        [0, 1], or a picture of Pillow (turned upright where it comes straight from its file); masks, scribbles, strokes
        and styles are of any of these kinds, or paths. `points` are [[x, y, "#rrggbb"], …]. Options are those of
        `henkan predict`: grow, feather, invert, resize, side, megapixels. Raises `UserError` in one line.
        """
        named = {
            "mask": mask,
            "remove": remove,
            "points": points,
            "scribble": scribble,
            "style": style,
            "strokes": strokes,
            "importance": importance,
            "move": move,
        }
        given = {key: value for key, value in named.items() if value is not None}
        for key in ("remove", "move"):
            if isinstance(given.get(key), np.ndarray):
                given[key] = given[key].tolist()
        predictor = self.prepared(given, options)
        images, restored = pictures_in(picture, PICTURE)
        made = []
        for number, image in enumerate(images):
            name = PICTURE if len(images) == 1 else f"{PICTURE} {number + 1}"
            made.append(predictor.made(image, read(given, number, len(images)), name))
        return restored(made)

    def prepared(self, given: Mapping[str, Any], options: Mapping[str, Any]) -> Predictor:
        """Return what applies the network under these options, checked. Two calls at once do not meet."""
        for key in options.keys() - set(OPTIONS):
            raise UserError(f"{key} cannot be said at each call: what can is {', '.join(OPTIONS)}")
        predictor = copy.copy(self.predictor)
        if options:
            own: DictConfig = copy.copy(predictor.cfg)
            for key, value in options.items():
                plain = value.tolist() if isinstance(value, np.generic | np.ndarray | Tensor) else value
                OmegaConf.update(own, key, plain)
            check_numbers(own)
            predictor.cfg = own
        predictor.check({key: value if isinstance(value, TOLD) else "…" for key, value in given.items()})
        return predictor


def load(name: str | Path | None, overrides: Sequence[str] = ()) -> Model:
    """Return the model of a run, a file or a name of the zoo; without a name, of a generator that learns nothing.

    `overrides` are those of `henkan predict`. Raises `UserError`, Hydra's and OmegaConf's own errors.
    """
    named = []
    if name is not None:
        place = Path(name).expanduser()
        # Between quotes: a folder may be called null, or have what Hydra reads in its name.
        kind = "run" if is_run(place) else "model"
        named = [f"{kind}={QuotedString(str(place), Quote.single).with_quotes()}"]
    words = [*named, *overrides]
    cfg = compose_root("predict", words)
    check_types(cfg, overrides, "predict")
    with sought_in(cfg.paths.weights):
        predictor = loaded.load(cfg, words)
    run = predictor.cfg.run
    alone = run is None or is_program(Path(run))
    weights = None if alone else checkpoint.find_checkpoint(Path(run), cfg.iteration)
    return Model(predictor, type(predictor.network).__name__ if name is None else str(name), weights)


def is_run(place: Path) -> bool:
    """Whether a path is a run folder's or a checkpoint's; all else is a model by its name, or a file of one.

    A folder that happens to be called as a network of the zoo is none.
    """
    if place.is_dir():
        return (place / "config.yaml").is_file() or str(place) not in zoo.names()
    return place.is_file() and not is_model(place) and not is_program(place)


def read(given: Mapping[str, Any], number: int, count: int) -> Given:
    """Return what belongs to picture `number` of a batch of `count`."""
    found = {key: value for key, value in given.items() if key in ("points", "remove", "move")}
    if "mask" in given:
        found["mask"] = mask_in(given["mask"], "the mask", number, count)
    for key in LAYERS:
        if key in given:
            found[key] = layer_in(given[key], f"the {key}", number, count)
    if isinstance(found.get("points"), Path):
        found["points"] = str(found["points"])
    return Given(**found)
