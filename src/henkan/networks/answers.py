"""What networks answer, whoever wrote them: where the meaning is plain it is taken, else told what is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from henkan.errors import UserError
from henkan.sample import described


def made(network: Callable[..., Any], /, **inputs: Tensor) -> dict[str, Tensor]:
    """Ask a generator; return its answer as a mapping with `raw`, (B, C, H, W). A tensor alone is that.

    Raises `UserError` for what is neither, and where `raw` is no pictures, as many as went in.
    """
    name, answer = name_of(network), network(**inputs)
    if isinstance(answer, Tensor):
        answer = {"raw": answer}
    if not isinstance(answer, Mapping) or not isinstance(answer.get("raw"), Tensor):
        raise UserError(
            f"the generator {name} returns {described(answer)}: it returns pictures (B, C, H, W), or a mapping in "
            "which they are 'raw'"
        )
    raw, count = answer["raw"], batch_of(inputs)
    if raw.ndim != 4 or len(raw) != count:
        raise UserError(f"the generator {name} makes {described(raw)} of {count} pictures: it makes ({count}, C, H, W)")
    return dict(answer)


def said(network: Callable[..., Any], /, **shown: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Ask a discriminator; return its logits (B, ...) and the maps of its layers. One of logits alone has no maps.

    Raises `UserError` for what is neither, and for logits that are not of each picture.
    """
    name, answer = name_of(network), network(**shown)
    logits, maps = (answer, ()) if isinstance(answer, Tensor) else pair(answer)
    if logits is None:
        raise UserError(
            f"the discriminator {name} returns {described(answer)}: it returns logits (B, ...), or a pair of them and "
            "the list of its layers' maps"
        )
    count = batch_of(shown)
    if logits.ndim == 0 or len(logits) != count:
        raise UserError(
            f"the discriminator {name} says {described(logits)} of {count} pictures: it says logits of each, "
            f"({count}, ...)"
        )
    return logits, list(maps)


def pair(answer: Any) -> tuple[Tensor, list[Tensor]] | tuple[None, tuple[()]]:
    """Return logits and maps, where an answer is a pair of them."""
    if isinstance(answer, tuple | list) and len(answer) == 2:
        logits, maps = answer
        if isinstance(logits, Tensor) and isinstance(maps, tuple | list):
            return logits, list(maps)
    return None, ()


def batch_of(inputs: Mapping[str, Tensor]) -> int:
    """Return how many pictures a network is given."""
    return len(next(iter(inputs.values())))


def name_of(network: Callable[..., Any]) -> str:
    """Return what a network is called in messages; its bound `forward` is called as it is."""
    return type(getattr(network, "__self__", network)).__name__
