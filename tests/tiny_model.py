"""Networks of every task as model files, with nothing trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import nn

from henkan.config.composition import compose_root
from henkan.config.resolved import resolved
from henkan.exporting.formats.safetensors import export
from henkan.exporting.source import Source
from henkan.runs.record import as_record, write_record
from henkan.training import checkpoint
from henkan.training.assemble import build_network

# A recipe of each task, and what makes its network small.
RECIPES = {
    "colorization": ["user_guided_color"],
    "completion": ["glcic"],
    "dehazing": ["aod_net"],
    "edit_detection": ["detect_edits"],
    "line_drawing": ["sketch_simplification_2016", "statistics.mean=[0.5]"],
    "segmentation": ["fcn"],
    "sketch_to_picture": ["scribbler"],
    "style_transfer": ["johnson"],
    "super_resolution": ["srresnet"],
}
SMALL = ["scale=smoke", "statistics.mean=[0.5,0.5,0.5]", "statistics.deviation=0.5", "statistics.classes=3"]


def untrained(task: str) -> tuple[nn.Module, DictConfig]:
    """Return the network of a task's recipe, with weights drawn anew that answer with something, and its config."""
    recipe, *more = RECIPES[task]
    cfg = OmegaConf.create(dict(resolved(compose_root("train", [f"experiment={recipe}", *SMALL, *more]))))
    network = build_network(resolved(cfg), "generator").eval()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        for weight in network.parameters():
            if weight.ndim > 1:
                nn.init.kaiming_normal_(weight)
    return network, cfg


def write_model(path: Path, task: str, half: bool = True, gain: float = 1.0) -> Path:
    """Write an untrained network as a model file, its kernels times `gain`."""
    network, cfg = untrained(task)
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim > 1:
                weight *= gain
    facts = {"recipe": RECIPES[task][0], "identity": "0" * 64, "iterations": "0"}
    export(Source(network, cfg, facts), path, OmegaConf.create({"half": half}))
    return path


def write_trained(folder: Path, task: str, **record: Any) -> Path:
    """Write the folder of a run of four iterations, whose network has learned nothing; its average is half of it."""
    network, cfg = untrained(task)
    weights = {f"generator.{name}": value for name, value in network.state_dict().items()}
    average = {f"average.network.{name}": value / 2 for name, value in network.state_dict().items()}
    checkpoint.save({"iteration": 4, "state_dict": {**weights, **average}}, checkpoint.last(folder))
    OmegaConf.save(cfg, folder / "config.yaml")
    write_record(folder, as_record({"identity": "1" * 64, "recipe": cfg.recipe, "status": "done", **record}))
    return folder
