"""Networks of every task as model files, with nothing trained."""

from __future__ import annotations

from pathlib import Path

import torch
from omegaconf import OmegaConf

from henkan.config.composition import compose_root
from henkan.config.resolved import resolved
from henkan.exporting.formats.safetensors import export
from henkan.exporting.source import Source
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


def write_model(path: Path, task: str, half: bool = True) -> Path:
    """Write the untrained network of a task's recipe, its weights drawn anew so that none answers with nothing."""
    recipe, *more = RECIPES[task]
    cfg = OmegaConf.create(dict(resolved(compose_root("train", [f"experiment={recipe}", *SMALL, *more]))))
    network = build_network(resolved(cfg), "generator").eval()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        for weight in network.parameters():
            if weight.ndim > 1:
                torch.nn.init.kaiming_normal_(weight)
    facts = {"recipe": recipe, "identity": "0" * 64, "iterations": "0"}
    export(Source(network, cfg, facts), path, OmegaConf.create({"half": half}))
    return path
