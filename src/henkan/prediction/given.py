"""What a person gives beside a picture: a mask, points, a scribble, strokes, another picture; wherever it came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, TypeGuard

from omegaconf import ListConfig
from PIL import Image

from henkan.data.masks import Mask


@dataclass(frozen=True)
class Layer:
    """A picture that says something about another one, and what to call it; `lossy` if it was compressed with loss."""

    image: Image.Image
    name: str
    lossy: bool = False


@dataclass(frozen=True)
class Given:
    """What is known of one picture beside its pixels; which of it a task takes is `Predictor.takes`."""

    mask: Mask | None = None
    """(H, W), 1 = missing."""
    remove: Sequence[int] | None = None
    """[x, y, width, height] around an object that is to go."""
    points: Any = None
    """[x, y, color], each; or the path of a table of them."""
    scribble: Layer | None = None
    style: Layer | None = None
    strokes: Layer | None = None
    importance: Layer | None = None
    move: Sequence[int] | None = None
    """[right, down], in pixels."""


NOTHING = Given()


def whole_numbers(given: object, count: int) -> TypeGuard[Sequence[int]]:
    """Whether what was given is so many whole numbers."""
    return (
        isinstance(given, ListConfig | list | tuple)
        and len(given) == count
        and all(isinstance(number, Integral) and not isinstance(number, bool) for number in given)
    )
