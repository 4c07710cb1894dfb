"""What a run ran on: hardware and versions. No identity has it, since it is not chosen; it is all recorded."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from henkan.cores import cores
from henkan.cuda import gpus
from henkan.precision import tf32

PACKAGES = (
    "henkan",
    "torch",
    "torchvision",
    "pytorch-lightning",
    "hydra-core",
    "omegaconf",
    "torchmetrics",
    "numpy",
    "opencv-python-headless",
    "wandb",
)
# What of an environment the bits of a result can depend on.
WITH_EFFECT = {
    "hardware": ("processor", "threads", "accelerator", "devices"),
    "versions": ("python", "torch", "torchvision", "numpy", "opencv-python-headless"),
}


def hardware() -> dict[str, str | int]:
    """Return the machine in words: processor, cores, threads; accelerator, and what it trains in TF32."""
    found: dict[str, str | int] = {
        "machine": platform.platform(),
        "processor": _processor(),
        "cores": cores(),
        "threads": torch.get_num_threads(),
    }
    if torch.cuda.is_available():
        found["accelerator"] = gpus()[0].name if gpus() else torch.cuda.get_device_name()
        found["tf32"] = ", ".join(tf32()) or "nowhere"
    return found


def versions() -> dict[str, str]:
    """Return the versions of what a result can depend on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return in words what two environments differ in that bits can depend on: `threads 1, now 2`."""
    return [
        f"{name} {before}, now {after}"
        for group, names in WITH_EFFECT.items()
        for name in names
        if (before := then[group].get(name)) != (after := now[group].get(name))
    ]


def fast_in_bfloat16(kind: str) -> bool:
    """Whether bf16 autocast pays on this kind of device: CUDA since Ampere, CPUs with AVX-512 bf16 or AMX."""
    if kind == "cuda":
        # ROCm has no driver of CUDA's.
        return gpus()[0].capability >= (8, 0) if gpus() else torch.cuda.is_bf16_supported(including_emulation=False)
    return kind == "cpu" and bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
