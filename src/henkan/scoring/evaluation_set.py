"""The pictures that scores are of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from henkan.config.build import build
from henkan.config.resolved import Config, Node
from henkan.data.framing import Framing
from henkan.data.pictures import Pictures
from henkan.data.splits import Split
from henkan.data.stream import EvaluationSet
from henkan.data.stroke_pictures import StrokePictures
from henkan.degradations.degradation import never_clean
from henkan.errors import UserError


def scored(config: Config) -> Config:
    """Return the config with the degradation that scored pictures have, where it is another one."""
    own = config["evaluation"].get("degradation")
    return config if own is None else {**config, "degradation": own}


# Words of `evaluation.framing`: pictures at the scale that was trained, or whole (in runs of before: null).
TRAINED, WHOLE = "trained", "whole"


def evaluation_set(
    config: Config,
    pictures: Pictures,
    split: Split,
    framing: Node | Literal["trained", "whole"] | None,
    reduced: bool = False,
) -> EvaluationSet:
    """Return the pictures of a split, framed and degraded the same way in every run.

    `reduced`: read as training reads them, no larger than framing shows them. What is reported is read whole.
    """
    degradation = build(never_clean(config["degradation"]))
    frame = framing_of(config, pictures, framing)
    if framing == TRAINED and degradation.whole:
        # Their own masks are of whole pictures.
        frame = None
    return EvaluationSet(pictures, split, frame, degradation, config["evaluation"]["seed"], reduced)


def are_whole(config: Mapping[str, Any]) -> bool:
    """Whether a config has all pictures scored whole, as far as it tells without them."""
    given = config["evaluation"].get("framing")
    return given is None or given == WHOLE or (given == TRAINED and at_scale(config) is None)


def at_scale(config: Mapping[str, Any]) -> Framing | None:
    """Return what shows pictures at the scale that a config trains at; None where that is their own.

    To enlarge is learned at the pictures' own scale.
    """
    node = config.get("augmentation")
    if node is None or config["task"].get("scale", 1) != 1:
        return None
    training: Framing = build(node)
    return training.scored()


def framing_of(config: Config, pictures: Pictures, given: Node | str | None) -> Framing | None:
    """Return what scored pictures are framed by; None: they are whole.

    `trained`: as training scales them, by its augmentation; what that never resizes is whole, and so is what comes
    framed, in two sizes or as strokes. Raises `UserError` for another word.
    """
    if given is None or given == WHOLE:
        return None
    if given == TRAINED:
        framed = pictures.ready or pictures.scale != 1 or isinstance(pictures, StrokePictures)
        return None if framed else at_scale(config)
    if isinstance(given, str):
        raise UserError(
            f"evaluation.framing={given} is neither {TRAINED} nor {WHOLE}; an option of augmentation is chosen by "
            f"augmentation@evaluation.framing={given}"
        )
    found: Framing = build(given)
    return found
