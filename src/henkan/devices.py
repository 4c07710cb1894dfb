"""Which devices a run trains on: what its config says, held against what there is here."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from henkan.errors import UserError

ACCELERATORS = ("auto", "cpu", "gpu", "cuda", "mps")

Devices = int | str | Sequence[int]
"""How many, "auto" for all GPUs (or one CPU process), or which GPUs, by number."""


def gpus() -> int:
    """Return how many CUDA devices this process can use: those of CUDA_VISIBLE_DEVICES, where it is set."""
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def kind_of(accelerator: str) -> str:
    """Return "cpu", "cuda" or "mps" for what `trainer.accelerator` says; raises `UserError` for what is not here.

    `auto` is CUDA where there is such a GPU, else the CPU. Apple's GPUs (mps) have to be asked for: nothing has been
    measured there, and dropout is not seeded.
    """
    if accelerator not in ACCELERATORS:
        raise UserError(f"trainer.accelerator={accelerator}: it is one of {', '.join(ACCELERATORS)}")
    if accelerator in ("auto", "gpu", "cuda") and gpus():
        return "cuda"
    if accelerator in ("gpu", "mps") and torch.backends.mps.is_available():
        return "mps"
    if accelerator in ("auto", "cpu"):
        return "cpu"
    raise UserError(
        f"trainer.accelerator={accelerator}: PyTorch {torch.__version__} finds none here; take trainer.accelerator=auto"
    )


def count_of(accelerator: str, devices: Devices) -> int:
    """Return how many processes train a run. Raises `UserError` for devices that there cannot be, or are not here."""
    kind, said = kind_of(accelerator), f"trainer.devices={devices}"
    # A CPU can be shared by any number of processes.
    here = {"cuda": gpus(), "mps": 1}.get(kind)
    if devices == "auto":
        return here or 1
    if isinstance(devices, int) and not isinstance(devices, bool):
        if devices < 1:
            raise UserError(f"{said} must be 1 or more")
        if here is not None and devices > here:
            raise UserError(f"{said}: there is no more than {here} here")
        return devices
    numbers = [] if isinstance(devices, str | bool) else list(devices)
    if not numbers or len({*numbers}) < len(numbers) or any(type(number) is not int for number in numbers):
        raise UserError(f"{said}: write how many, or which GPUs by number, as in trainer.devices=[0,1]")
    if here is None:
        raise UserError(f"{said} names GPUs, and this run is one of the CPU: write how many processes, or 1")
    if absent := [number for number in numbers if not 0 <= number < here]:
        raise UserError(f"{said}: there is no {absent[0]} here, only 0 to {here - 1}")
    return len(numbers)


def device_of(accelerator: str, devices: Devices) -> torch.device:
    """Return where a network runs outside of training: the run's first GPU, or the CPU where there is none.

    A run may be looked at on another machine than the one that trained it, so nothing is refused.
    """
    if accelerator in ("cpu", "mps") or not gpus():
        return torch.device("cpu")
    first = 0 if isinstance(devices, int | str) else devices[0]
    return torch.device("cuda", first if first < gpus() else 0)
