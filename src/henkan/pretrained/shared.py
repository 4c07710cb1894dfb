"""Frozen networks that several terms look through: loaded once, and a picture goes through once for all of them."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.pretrained.catalogue import digest_of
from henkan.pretrained.features import Features

Look = Callable[[Tensor], Mapping[str, Tensor]]
"""Pictures (B, 3, H, W) in [0, 1] -> layer name -> activation."""
Factory = Callable[[Sequence[str]], Look]
"""Builds a frozen network that shows the named layers; the same one whenever it is called."""
Result = TypeVar("Result")


class Shared:
    """One network for all that look through it, as deep as the deepest of them needs.

    The activations of an output that was seen last are kept as long as that output is: a step in which three terms look
    at it runs the network once. What nothing was computed to make is looked at anew: it may have changed in between.
    """

    def __init__(self, build: Factory) -> None:
        self.build = build
        self.layers: tuple[str, ...] = ()
        self.network: Look | None = None
        self._picture: weakref.ref[Tensor] | None = None
        self._version = 0
        self._seen: Mapping[str, Tensor] = {}

    def show(self, layers: Sequence[str]) -> None:
        """Have these layers shown, too."""
        if self.network is None or not set(layers) <= set(self.layers):
            wanted = tuple(dict.fromkeys((*self.layers, *layers)))
            self.network = self.build(list(wanted))
            self.layers = wanted
            self._forget()

    def __call__(self, images: Tensor) -> Mapping[str, Tensor]:
        assert self.network is not None
        if images.grad_fn is None or not torch.is_grad_enabled():
            return self.network(images)
        if self._picture is None or self._picture() is not images or self._version != images._version:
            self._seen = self.network(images)
            self._picture, self._version = weakref.ref(images, self._forget), images._version
        return self._seen

    def _forget(self, picture: object = None) -> None:
        if picture is None or picture is self._picture:
            self._picture, self._seen = None, {}


_KNOWN: weakref.WeakValueDictionary[tuple[Any, str], Shared] = weakref.WeakValueDictionary()


class View:
    """Some layers of a network that is shared by all that were built from an equal `build`.

    Call: `images` (B, 3, H, W) in [0, 1] -> layer name -> activation. Raises what `build` raises.
    """

    def __init__(self, build: Factory, layers: Sequence[str]) -> None:
        if not layers:
            raise UserError("`layers` names no layer")
        key = (build.func, repr(build.keywords)) if isinstance(build, partial) else (build, "")
        shared = _KNOWN.get(key)
        if shared is None:
            shared = Shared(build)
        shared.show(layers)
        _KNOWN[key] = shared
        self.shared, self.layers = shared, tuple(layers)

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        seen = self.shared(images)
        return {name: seen[name] for name in self.layers}

    def stride(self) -> int:
        """Return how many pixels a side become one in the deepest of the layers; 1 where that is not known."""
        network = self.shared.network
        if not isinstance(network, Features):
            return 1
        sliding = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
        found = (module for step in self._reached(network).values() for module in step.modules())
        return math.prod(_first(module.stride) for module in found if isinstance(module, sliding))

    def depends_on(self) -> str | None:
        """Return the hash of the weights that it looks through, unless the network's class tells them."""
        network = self.shared.network
        if not isinstance(network, Features) or network.exact:
            return None
        steps = self._reached(network).items()
        return digest_of({f"{name}.{key}": value for name, step in steps for key, value in step.state_dict().items()})

    def _reached(self, network: Features) -> dict[str, nn.Module]:
        """Return the steps up to the deepest of the layers: others may look deeper into the same network."""
        names = list(network.steps)
        return {name: network.steps[name] for name in names[: max(map(names.index, self.layers)) + 1]}


def _first(stride: Any) -> int:
    return int(stride if isinstance(stride, int) else stride[0])


class Remembered(Generic[Result]):
    """A function of pictures that does not compute anew for the pixels that it was given last.

    No gradient goes through it.
    """

    def __init__(self, function: Callable[[Tensor], Result]) -> None:
        self.function = function
        self._last: tuple[Tensor, Result] | None = None

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Result:
        if self._last is not None and _same(self._last[0], images):
            return self._last[1]
        self._last = None  # before: two of them may not fit
        found = self.function(images)
        self._last = (images.clone(), found)
        return found


def _same(one: Tensor, other: Tensor) -> bool:
    alike = (one.shape, one.dtype, one.device) == (other.shape, other.dtype, other.device)
    return alike and torch.equal(one, other)
