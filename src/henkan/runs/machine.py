"""What a run ran on: hardware, versions, commit. Nothing here affects the weights; it is all recorded."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from henkan.cuda import gpus

PACKAGES = (
    "henkan",
    "torch",
    "torchvision",
    "pytorch-lightning",
    "hydra-core",
    "omegaconf",
    "torchmetrics",
    "wandb",
)


def hardware() -> dict[str, str | int]:
    """Return the machine in words: processor, cores, threads, accelerator."""
    found: dict[str, str | int] = {
        "machine": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
    }
    if torch.cuda.is_available():
        found["accelerator"] = gpus()[0].name if gpus() else torch.cuda.get_device_name()
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


def commit(folder: Path) -> tuple[str | None, str]:
    """Return the git commit of the checkout that `folder` lies in, and the uncommitted changes as a diff."""
    try:
        head = _git(folder, "rev-parse", "HEAD").strip()
        return head, _git(folder, "diff", "HEAD")
    except (OSError, subprocess.CalledProcessError):
        return None, ""


def fast_in_bfloat16() -> bool:
    """Whether bf16 autocast pays here: CUDA since Ampere, CPUs with AVX-512 bf16 or AMX."""
    if torch.cuda.is_available():
        # ROCm has no driver of CUDA's.
        return gpus()[0].capability >= (8, 0) if gpus() else torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, errors="replace"
    ).stdout


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
