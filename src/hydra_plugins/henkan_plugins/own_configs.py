"""The config tree of the working directory, as Hydra reads it."""

from __future__ import annotations

from pathlib import PurePosixPath

# Hydra has no public name for what reads files.
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.plugins.config_source import ConfigResult


class OwnConfigSource(FileConfigSource):
    """Reads files, and has terms of the loss that are written in few words mean what they do in full."""

    @staticmethod
    def scheme() -> str:
        return "own"

    def load_config(self, config_path: str) -> ConfigResult:
        from henkan.config.short import in_full

        found = super().load_config(config_path)
        if PurePosixPath(config_path).parent.name == "loss" and found.header.get("package") is None:
            full = in_full(found.config)
            if full is not None:
                found.config, found.header["package"] = full, "_global_"
        return found
