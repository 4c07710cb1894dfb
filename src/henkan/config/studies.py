"""What `study.yaml` says."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from henkan.config.composition import compose_root
from henkan.config.trees import config_folder
from henkan.errors import UserError

# What a study says itself; every other override goes to each of its runs.
SETTINGS = ("scale", "seeds", "jobs")


@dataclass(frozen=True)
class Configuration:
    """A variant at one point of the axes: axis → value, in words, and the overrides that make both."""

    variant: str
    point: dict[str, str]
    overrides: list[str]


@dataclass(frozen=True)
class Study:
    """What `study.yaml` says, with the overrides of the command line put in."""

    name: str
    place: Path
    settings: dict[str, Any]
    overrides: list[str]

    def axes(self) -> dict[str, dict[str, list[str]]]:
        """Return axis → value, in words → overrides.

        An axis is a key with a list of its values, or any name with a mapping of names to overrides (null: left out).
        """
        found: dict[str, dict[str, list[str]]] = {}
        for axis, values in (self.settings.get("axes") or {}).items():
            if isinstance(values, dict):
                found[axis] = {str(name): given for name, given in values.items() if given is not None}
                for name, given in found[axis].items():
                    if not isinstance(given, list):
                        raise UserError(f"axes.{axis}.{name} must be a list of overrides: [data=openmoji]")
            elif isinstance(values, list):
                found[axis] = {f"{axis.split('.')[-1]}={value}": [f"{axis}={value}"] for value in values}
            else:
                raise UserError(f"axes.{axis} must be a list of values, or a mapping of names to lists of overrides")
            if not found[axis]:
                raise UserError(f"axes.{axis} has no value left")
        return found

    def configurations(self) -> dict[str, Configuration]:
        """Return every variant at every point of the axes, by name."""
        axes = self.axes()
        found: dict[str, Configuration] = {}
        for variant, overrides in self.settings["variants"].items():
            for point in itertools.product(*axes.values()):
                place = [word for axis, value in zip(axes, point, strict=True) for word in axes[axis][value]]
                name = " ".join([str(variant), *point])
                found[name] = Configuration(str(variant), dict(zip(axes, point, strict=True)), [*overrides, *place])
        return found

    @property
    def folder(self) -> Path:
        """Where the study writes its report; runs lie elsewhere, since studies may share them."""
        _, _, overrides = next(self.runs())
        studies = compose_root("train", overrides)["paths"]["studies"]
        return Path(studies) / f"{self.name}-{self.settings['scale']}"

    def runs(self) -> Iterator[tuple[str, int, list[str]]]:
        """Yield every run, seed by seed, so that the report means something after the first seed."""
        settings = self.settings
        common = [
            f"experiment={settings['recipe']}",
            f"scale={settings['scale']}",
            *(settings.get("overrides") or []),
        ]
        for seed in settings["seeds"]:
            for name, configuration in self.configurations().items():
                own = [*configuration.overrides, f"seed={seed}", f"study={self.name}"]
                yield name, int(seed), [*common, *own, *self.overrides]


def read_study(name: str, overrides: Sequence[str]) -> Study:
    """Read a study by the name of its folder in `experiments/`, or by path."""
    places = (Path(name), Path("experiments") / name, config_folder().parent / "experiments" / name)
    files = [place / "study.yaml" if place.is_dir() else place for place in places]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        known = sorted(path.parent.name for path in Path("experiments").glob("*/study.yaml"))
        raise UserError(f"there is no study {name!r}; there are {known or 'none in ./experiments'}")
    own = [word for word in overrides if word.partition("=")[0] in SETTINGS or word.startswith("axes.")]
    merged = OmegaConf.merge(OmegaConf.load(found), OmegaConf.from_dotlist(own))
    # Not resolved: what the overrides interpolate is the run's config, not the study's.
    settings = OmegaConf.to_container(merged, resolve=False)
    assert isinstance(settings, dict)
    absent = [key for key in ("recipe", "scale", "variants", "baseline", "seeds") if key not in settings]
    if absent:
        raise UserError(f"{found} does not say {', '.join(absent)}")
    if not isinstance(settings["seeds"], list) or not all(isinstance(seed, int) for seed in settings["seeds"]):
        raise UserError(f"seeds={settings['seeds']} must be a list of whole numbers: seeds=[0,1,2]")
    if settings["baseline"] not in settings["variants"]:
        raise UserError(f"{found}: the baseline {settings['baseline']!r} is none of {list(settings['variants'])}")
    rest = [word for word in overrides if word not in own]
    return Study(found.parent.name, found, {str(key): value for key, value in settings.items()}, rest)
