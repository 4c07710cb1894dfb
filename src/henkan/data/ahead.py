"""What is made ahead of who waits for it, by several threads, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from henkan.cores import cores

Given = TypeVar("Given")
Made = TypeVar("Made")

# Things a thread, there being one a core, that wait until they are asked for.
WAITING = 4


def ahead(make: Callable[[Given], Made], things: Iterable[Given]) -> Iterator[Made]:
    """Yield what is made of things, in their order, while those that follow are being made; the first error ends it."""
    pool = ThreadPoolExecutor(cores())
    waiting: deque[Future[Made]] = deque()
    try:
        for thing in things:
            waiting.append(pool.submit(make, thing))
            if len(waiting) > WAITING * cores():
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
