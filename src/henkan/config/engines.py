"""What `engine` says in `study.yaml`, in `search.yaml` or on the command line: where the runs are trained.

`engine=submitit engine.workers=4 engine.partition=gpu` is the mapping {name: submitit, workers: 4, partition: gpu}. The
settings are our words, the same for all engines that know them; `henkan.launching.crew` gives them to the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from henkan.config.explain import suggestion
from henkan.config.values import Reader, count, none_or_more, several, word
from henkan.errors import UserError

# Of SLURM's partition, where nobody says it. A worker whose time is up is queued again.
MINUTES = 240


@dataclass(frozen=True)
class Engine:
    """An engine by name, how many workers it starts, and its own settings."""

    name: str = "local"
    workers: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def here(self) -> bool:
        """Whether runs are trained on this machine, so that what depends on its hardware can be told before."""
        if self.name == "submitit":
            return self.settings.get("cluster") == "local"
        return self.name == "local" or "address" not in self.settings

    @property
    def local(self) -> bool:
        return self.name == "local"


def cluster(key: str, value: Any) -> str:
    if value not in ("slurm", "local"):
        raise UserError(f"{key}={value} must be slurm, or local (processes of this machine)")
    return str(value)


def options(key: str, value: Any) -> dict[str, str | int]:
    fits = isinstance(value, Mapping) and all(isinstance(one, str | int) for one in value.values())
    if not fits:
        raise UserError(f"{key} must be a mapping of sbatch's options: {key}={{reservation: course, exclusive: user}}")
    return {str(name): one for name, one in value.items()}


SETTINGS: Mapping[str, Mapping[str, Reader]] = {
    "local": {},
    # Minutes and GB; `setup` runs before, in the job's shell; `options` are further ones of sbatch.
    "submitit": {
        "workers": count,
        "cluster": cluster,
        "partition": word,
        "time": count,
        "gpus": none_or_more,
        "cpus": count,
        "memory": count,
        "account": word,
        "qos": word,
        "constraint": word,
        "setup": several("lines of a shell: ['module load cuda']"),
        "options": options,
    },
    # The address of a cluster that runs (auto: the one that this machine is in); none: this machine.
    "ray": {"workers": count, "address": word, "gpus": none_or_more, "cpus": count, "memory": count},
}


def engine(key: str, value: Any) -> Engine:
    """Read an engine: its name, alone or with settings. Raises `UserError` for what there is not."""
    said = dict(value) if isinstance(value, Mapping) else {"name": value}
    name = said.pop("name", None)
    if name is None:
        raise UserError(f"{key} has settings and no name: say {key}=submitit or {key}=ray")
    if not isinstance(name, str) or name not in SETTINGS:
        raise UserError(f"{key}={name}: there is none of that name{suggestion(str(name), SETTINGS)}; "
                        f"there are {', '.join(SETTINGS)}")  # fmt: skip
    known = SETTINGS[name]
    for setting in said:
        if setting not in known:
            there = f"it has {', '.join(known)}" if known else "it has none; how many runs at once says jobs=2"
            raise UserError(f"{key}.{setting}: {name} has no such setting{suggestion(str(setting), known)}; {there}")
    settings = {setting: known[setting](f"{key}.{setting}", one) for setting, one in said.items() if one is not None}
    return Engine(name, settings.pop("workers", 1), settings)


def without_engine(words: list[str]) -> list[str]:
    """Return the words of a command without those that choose the engine."""
    return [one for one in words if one.partition("=")[0].partition(".")[0] != "engine"]
