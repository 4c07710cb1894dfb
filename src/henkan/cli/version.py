"""What henkan is, and what it runs on; asked of files and drivers, so that it is said at once."""

from __future__ import annotations

import platform
from importlib.metadata import version

from henkan.cores import cores
from henkan.cuda import gpus


def told() -> str:
    """Return henkan's version, those of what it trains with, and the device that trainer.accelerator=auto takes."""
    packages = {"PyTorch": "torch", "Lightning": "pytorch-lightning", "Hydra": "hydra-core"}
    parts = [f"Python {platform.python_version()}", *(f"{name} {version(part)}" for name, part in packages.items())]
    number = cores()
    device = f"CPU, {number} core{'s' * (number != 1)}"
    if found := gpus():
        names = [gpu.name for gpu in found]
        device = ", ".join(f"{names.count(name)} x {name}" for name in dict.fromkeys(names))
    return f"henkan {version('henkan')} ({', '.join(parts)}; {platform.system()} {platform.machine()}; {device})"
