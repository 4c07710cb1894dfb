"""Weights in safetensors with the config beside them: what `henkan predict model=FILE` and `henkan.load` read."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from henkan.exporting.source import Source
from henkan.training import model_file

ENDING = model_file.SUFFIX


def export(source: Source, output: Path, cfg: DictConfig) -> None:
    """Write a model file; `cfg.half`: in half precision, which is exact enough for 8 bits and half as large."""
    said = {**source.facts, "config": OmegaConf.to_yaml(source.portable)}
    model_file.write(output, source.network.state_dict(), said, cfg.half)
