"""The overrides this process was started with."""

from __future__ import annotations

from hydra.core.hydra_config import HydraConfig


def task_overrides() -> list[str]:
    """Return the overrides of the present Hydra job, as typed; empty where a config was composed by hand."""
    if not HydraConfig.initialized():
        return []
    return list(HydraConfig.get().overrides.task)
