from __future__ import annotations

from collections.abc import Iterator

import pytest
from wandb_server import Server, stand_in


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A stand-in for W&B's server, to which everything that W&B's package sends goes."""
    import wandb

    with stand_in() as found:
        monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
        monkeypatch.setenv("WANDB_BASE_URL", found.address)
        wandb.teardown()
        yield found
        wandb.teardown()
