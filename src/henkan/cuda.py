"""The GPUs that CUDA shows to this process, asked of the driver.

PyTorch's own questions (`get_device_name`, `is_bf16_supported`) open a context: memory on the first GPU for as long as
the process lives, and none for anybody else where a GPU is set to one process. What plans runs for others must not.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache

# CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR of cuda.h.
MAJOR, MINOR = 75, 76


@dataclass(frozen=True)
class Gpu:
    """A GPU's name and its compute capability."""

    name: str
    capability: tuple[int, int]


@cache
def gpus() -> tuple[Gpu, ...]:
    """Return the GPUs in CUDA's order, as far as CUDA_VISIBLE_DEVICES shows them; none where there is no driver."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return ()
    count = ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return ()
    return tuple(_gpu(driver, index) for index in range(count.value))


def _gpu(driver: ctypes.CDLL, index: int) -> Gpu:
    device, name = ctypes.c_int(), ctypes.create_string_buffer(256)
    driver.cuDeviceGet(ctypes.byref(device), index)
    driver.cuDeviceGetName(name, len(name), device)
    found = [ctypes.c_int(), ctypes.c_int()]
    for value, attribute in zip(found, (MAJOR, MINOR), strict=True):
        driver.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
    return Gpu(name.value.decode(), (found[0].value, found[1].value))
