"""What is scored or applied in place of a run's own generator: one between two runs, or the mean of eight views."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig
from torch import nn

from henkan.config.build import build
from henkan.config.resolved import Config, resolved
from henkan.errors import UserError
from henkan.files import digest_of
from henkan.networks.blend import PictureBlend, blended
from henkan.networks.ensemble import SelfEnsemble
from henkan.networks.modes import heeds
from henkan.runs.trained import own_config
from henkan.sample import named_arguments
from henkan.training import checkpoint
from henkan.training.assemble import build_network
from henkan.zoo import networks as zoo

OF = ("weights", "pictures")


class Blend:
    """A second run, `other`, and the share of the first: `blend` · first + (1 - blend) · other, of weights or pictures.

    Reads the settings `other`, `blend` and `blend_of` of a verb. Raises `UserError` where they do not go together.
    """

    def __init__(self, cfg: DictConfig) -> None:
        if cfg.run is None or cfg.other is None or cfg.blend is None:
            raise UserError("a blend is of two trained runs: give run=RUN other=RUN blend=0.8")
        if cfg.blend_of not in OF:
            raise UserError(f"blend_of={cfg.blend_of} is neither {' nor '.join(OF)}")
        other = cfg.copy()
        other.run = str(zoo.resolved(str(cfg.other)))
        self.config: Config = resolved(own_config(other))
        self.share, self.of = float(cfg.blend), str(cfg.blend_of)
        self.path = checkpoint.find_checkpoint(Path(other.run))

    @property
    def name(self) -> str:
        """What a folder of its scores is called: equal blends have equal names."""
        return f"blend-{self.share:g}-{self.of}-{digest_of(self.path)[:8]}"

    def __call__(self, first: nn.Module) -> nn.Module:
        """Return the blend of a trained generator and the other run's."""
        weights = checkpoint.generator(checkpoint.load(self.path))
        if self.of == "weights":
            first.load_state_dict(blended(first.state_dict(), weights, self.share))
            return first
        second = build_network(self.config, "generator")
        checkpoint.load_weights(second, weights, self.path)
        for network in (first, second):
            of_image_alone(network, self.config, "a blend of pictures")
        return PictureBlend(first, second, self.share)


def blend_of(cfg: DictConfig) -> Blend | None:
    """Return the blend that a verb is asked for, if any."""
    return Blend(cfg) if cfg.other is not None or cfg.blend is not None else None


def ensembled(network: nn.Module, config: Config) -> nn.Module:
    """Return the generator, or the mean over eight views that `evaluation.ensemble` asks for."""
    # Runs of before there were ensembles say nothing of them.
    if not config["evaluation"].get("ensemble"):
        return network
    return SelfEnsemble(of_image_alone(network, config, "evaluation.ensemble"))


def of_image_alone(network: nn.Module, config: Config, what: str) -> nn.Module:
    """Return a generator that is shown a picture and nothing else; raises `UserError` for any other.

    What it may do without counts where the task gives it: a mask, hints.
    """
    given = heeds(network) & set(build(config["task"]).given)
    known = named_arguments(network.forward).items()
    asked = [name for name, needed in known if name != "image" and (needed or name in given)]
    if asked:
        raise UserError(f"{what} is for generators that are shown a picture alone, and this one asks for {asked[0]}")
    return network
