"""henkan (変換): config-driven experiments in learned image transformation.

`henkan.load`, `henkan.compose`, `henkan.train` and `henkan.evaluate` are those of `henkan.api`, imported when they are
first asked for.
"""

from importlib import import_module
from typing import Any

__all__ = ["__version__", "compose", "evaluate", "load", "train"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("henkan")
    if name in __all__:
        return getattr(import_module("henkan.api"), name)
    raise AttributeError(f"module 'henkan' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
