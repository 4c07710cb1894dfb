"""Which devices a run trains on: what its config says, held against what there is here."""

from __future__ import annotations

import torch

from henkan.errors import UserError

ACCELERATORS = ("auto", "cpu", "gpu", "cuda", "mps")


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


def count_of(accelerator: str, devices: int | str) -> int:
    """Return how many processes train a run; "auto" is all GPUs, or one process where there is none.

    Raises `UserError` for a number of devices that there cannot be, or that is not here.
    """
    kind, said = kind_of(accelerator), f"trainer.devices={devices}"
    # A CPU can be shared by any number of processes.
    here = {"cuda": gpus(), "mps": 1}.get(kind)
    if devices == "auto":
        return here or 1
    if not isinstance(devices, int):
        raise UserError(f"{said}: write how many, or auto; which GPUs is said by CUDA_VISIBLE_DEVICES=0,2")
    if devices < 1:
        raise UserError(f"{said} must be 1 or more")
    if here is not None and devices > here:
        raise UserError(f"{said}: there is no more than {here} here")
    return devices


def device_of(accelerator: str) -> torch.device:
    """Return where a network runs outside of training: on a GPU, unless there is none or the CPU is asked for.

    A run may be looked at on another machine than the one that trained it, so nothing is refused.
    """
    return torch.device("cuda" if gpus() and accelerator not in ("cpu", "mps") else "cpu")
