"""Who waits for the networks: they work on one picture at a time, for whoever came first."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition

from torch import nn

# Seconds after which somebody who waits is looked after.
EVERY = 0.2


class Busy(Exception):
    """Too many wait already."""


class Gone(Exception):
    """Who asked has left."""


class Line:
    """A line of at most `places`, the one that is served among them."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._waiting: deque[object] = deque()
        self._moved = Condition()

    def __len__(self) -> int:
        return len(self._waiting)

    @contextmanager
    def turn(self, gone: Callable[[], bool]) -> Iterator[None]:
        """Wait for one's turn and hold it. Raises `Busy` where the line is full, `Gone` if the one who waits leaves."""
        ticket = object()
        with self._moved:
            if len(self._waiting) >= self.places:
                raise Busy
            self._waiting.append(ticket)
        try:
            with self._moved:
                while self._waiting[0] is not ticket:
                    self._moved.wait(EVERY)
                    if gone():
                        raise Gone
            yield
        finally:
            with self._moved:
                self._waiting.remove(ticket)
                self._moved.notify_all()


@contextmanager
def stopping(network: nn.Module, gone: Callable[[], bool]) -> Iterator[None]:
    """Stop a network between two of its layers, by `Gone`, once nobody waits for its answer."""

    def look(module: nn.Module, given: object) -> None:
        if gone():
            raise Gone

    hooks = [module.register_forward_pre_hook(look) for module in network.modules()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
