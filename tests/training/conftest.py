from __future__ import annotations

from pathlib import Path

import pytest
from logged_run import LoggedRun


@pytest.fixture
def run(tmp_path: Path) -> LoggedRun:
    """Return the record, config and folder of a run."""
    config = {
        "paths": {"runs": str(tmp_path)},
        "recipe": "glcic",
        "task": {"_target_": "henkan.tasks.completion.Completion"},
        "loss": {"mse": {}},
        "seed": 0,
        "study": "mse_vs_gan",
        "variant": "gan",
        "point": {"weights_adversarial": 0.01},
        "schedule": {"reconstruction": {}, "joint": {}},
        "metric": {"psnr": {"better": "higher"}, "l1": {"better": "lower"}},
        "data": {"_target_": "henkan.data.openmoji.OpenMoji", "side": 64},
    }
    record = {"identity": "0123456789abcdef0123", "nonce": "n0nce1", "manifest": "fedcba"}
    folder = tmp_path / "glcic-mse-seed0-0123456789"
    folder.mkdir()
    return record, config, folder
