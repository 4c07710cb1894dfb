"""GPUs, as a driver tells them that is not there."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from henkan import cuda
from henkan.cuda import Gpu, gpus
from henkan.runs import machine


class Driver:
    """A machine with one A100 and one T4. Creating a context is none of what it can do."""

    found = (("A100", 8, 0), ("T4", 7, 5))

    def __init__(self, error: int = 0) -> None:
        self.error = error

    def cuInit(self, flags: int) -> int:
        return self.error

    def cuDeviceGetCount(self, count: Any) -> int:
        count._obj.value = len(self.found)
        return 0

    def cuDeviceGet(self, device: Any, index: int) -> int:
        device._obj.value = 100 + index
        return 0

    def cuDeviceGetName(self, name: Any, length: int, device: Any) -> int:
        name.value = self.found[device.value - 100][0].encode()
        return 0

    def cuDeviceGetAttribute(self, value: Any, attribute: int, device: Any) -> int:
        value._obj.value = self.found[device.value - 100][{75: 1, 76: 2}[attribute]]
        return 0


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    gpus.cache_clear()
    yield
    gpus.cache_clear()


def test_the_driver_tells_names_and_capabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda.ctypes, "CDLL", lambda name: Driver())
    assert gpus() == (Gpu("A100", (8, 0)), Gpu("T4", (7, 5)))


def test_without_a_driver_or_a_gpu_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> ctypes.CDLL:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(cuda.ctypes, "CDLL", absent)
    assert gpus() == ()
    gpus.cache_clear()
    monkeypatch.setattr(cuda.ctypes, "CDLL", lambda name: Driver(error=100))
    assert gpus() == ()


@pytest.mark.parametrize(("capability", "fast"), [((7, 5), False), ((8, 0), True), ((12, 0), True)])
def test_planning_opens_no_context(monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], fast: bool) -> None:
    def context(*_: object, **__: object) -> None:
        raise AssertionError("this opens a context")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for name in ("_lazy_init", "current_device", "get_device_name", "is_bf16_supported"):
        monkeypatch.setattr(torch.cuda, name, context)
    monkeypatch.setattr(machine, "gpus", lambda: (Gpu("one", capability), Gpu("another", (8, 0))))
    assert machine.fast_in_bfloat16("cuda") is fast
    assert machine.hardware()["accelerator"] == "one"
