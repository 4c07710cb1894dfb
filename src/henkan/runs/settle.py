"""From a composed config to plain values: what is left open is decided before a run is hashed."""

from __future__ import annotations

from collections.abc import Sequence

from omegaconf import DictConfig, OmegaConf

from henkan.config.build import build
from henkan.config.composition import task_overrides
from henkan.config.resolved import Config, Node, resolved
from henkan.data.pictures import Pictures
from henkan.data.statistics import measure
from henkan.devices import kind_of
from henkan.errors import UserError
from henkan.runs import machine
from henkan.scoring.evaluation_set import framing_of

# What is done to pictures that come framed and degraded.
UNCHANGED: Node = {"_target_": "henkan.degradations.identity.Identity"}
# What is settled once samples lie on disk.
DRAWN = ("augmentation", "degradation", "clean", "evaluation.degradation", "evaluation.framing")


def settle(cfg: DictConfig) -> tuple[Config, Pictures]:
    """Resolve the config to plain values, before it is hashed.

    Precision, and those of the data's statistics that something refers to, are written in.
    """
    cfg = cfg.copy()
    pictures: Pictures = build(cfg.data)
    check_channels(pictures, cfg.channels)
    # What sources of a size of their own say by their size.
    if cfg.data.get("scale", 1) is None:
        cfg.data.scale = pictures.scale
    if cfg.get("screen") is not None:
        build(cfg.screen).leave_out(pictures)
    if cfg.trainer.precision == "auto":
        fast = machine.fast_in_bfloat16(kind_of(cfg.trainer.accelerator))
        cfg.trainer.precision = "bf16-mixed" if fast else "32-true"
    text = OmegaConf.to_yaml(cfg)
    wanted = [
        str(name) for name, value in cfg.statistics.items() if value is None and f"${{statistics.{name}}}" in text
    ]
    if wanted:
        found = measure(pictures, wanted, cfg.paths.cache)
        cfg.statistics.update(found)
    config = resolved(cfg)
    check_scale(pictures, config)
    if pictures.ready:
        check_ready(pictures, task_overrides())
        config["augmentation"] = None
        config["degradation"] = UNCHANGED if pictures.fill is None else {**UNCHANGED, "fill": list(pictures.fill)}
        config["validation"]["framing"] = config["evaluation"]["framing"] = config["evaluation"]["degradation"] = None
    # A word that is none is said before anything is trained.
    framing_of(config, pictures, config["evaluation"]["framing"])
    return config, pictures


def check_channels(pictures: Pictures, channels: int | None) -> None:
    """Raise `UserError` for color pictures where drawings are meant, and the other way round; null: either."""
    if channels is not None and pictures.channels != channels:
        kinds = {1: "grey drawings", 3: "color pictures"}
        raise UserError(
            f"{pictures.where} gives {kinds[pictures.channels]}, and channels={channels} is about "
            f"{kinds.get(channels, 'neither')}: choose other data (drawings: data=line_folder, paired_lines), or "
            f"channels={pictures.channels}"
        )


def check_scale(pictures: Pictures, config: Config) -> None:
    """Raise `UserError` where sources of another size than their targets would not be read, or the task is another."""
    if pictures.scale == 1:
        return
    given = {"degradation": config["degradation"], "evaluation.degradation": config["evaluation"]["degradation"]}
    for name, node in given.items():
        if node is not None and node["_target_"] != UNCHANGED["_target_"]:
            raise UserError(f"{pictures.where} has small pictures of its own, and {name} would make others: none is it")
    if (scale := config["task"].get("scale", 1)) != pictures.scale:
        raise UserError(
            f"{pictures.where}: its targets are {pictures.scale} times larger than its sources, and the task is to "
            f"make pictures {scale} times larger: choose other data, or task.scale={pictures.scale}"
        )


def check_ready(pictures: Pictures, words: Sequence[str]) -> None:
    """Raise `UserError` for overrides that can have no effect on samples that come framed and degraded."""
    for word in words:
        # degradation@evaluation.degradation=none, ~degradation, degradation.error=2
        key = word.lstrip("+~").partition("=")[0].rpartition("@")[2]
        if any(key == name or key.startswith(f"{name}.") for name in DRAWN):
            raise UserError(
                f"{word} can change nothing: {pictures.where} is framed and degraded already; drop it, or write the "
                "samples anew with henkan degrade"
            )
