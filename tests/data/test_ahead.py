"""What is made ahead keeps its order, is made by need, and ends with the first error."""

from __future__ import annotations

from threading import Event

import pytest

from henkan.data import ahead as module
from henkan.data.ahead import WAITING, ahead


def test_in_order_though_the_first_is_made_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "cores", lambda: 2)
    second = Event()

    def make(number: int) -> int:
        if number == 0:
            assert second.wait(20), "the others are made while the first is"
        elif number == 1:
            second.set()
        return number**2

    assert list(ahead(make, range(30))) == [number**2 for number in range(30)]
    assert list(ahead(make, [])) == []


def test_no_more_than_a_few_wait_and_an_error_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "cores", lambda: 1)
    asked: list[int] = []

    def numbers() -> object:
        for number in range(100):
            asked.append(number)
            yield number

    made = ahead(lambda number: 6 // (3 - number), numbers())  # type: ignore[arg-type]
    assert next(made) == 2 and len(asked) == WAITING + 1
    assert [next(made), next(made)] == [3, 6]
    with pytest.raises(ZeroDivisionError):
        next(made)
    assert list(made) == []
