"""Agents, keys and networks: which W&B run a run is, and where it goes on if there is no server."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import wandb
from logged_run import LoggedRun, Record, agent, history, offline_file, rows

from henkan.config.build import build
from henkan.config.composition import compose_root
from henkan.errors import UserError
from henkan.training.loggers import WeightsAndBiases, weights_and_biases


def started(folder: Path, record: Record, config: dict[str, Any], first: int, last: int) -> None:
    """Start a run that has its rows before `first`, and end it after `last` as a kill would leave it."""
    logger = WeightsAndBiases("henkan", "offline")
    logger.start(folder, record, config, rows(1, first - 1))
    for row in rows(first, last):
        logger.log(row)
    assert logger.run is not None
    logger.run.finish()
    time.sleep(1.1)  # W&B names its folders by the second.


@pytest.fixture
def environment() -> Iterator[None]:
    """Have W&B read the environment anew, and again afterwards."""
    wandb.teardown()
    yield
    wandb.teardown()


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("agents", "said"),
    [
        # The server starts an interrupted run of a sweep once more under its id.
        (["agent1", "agent1"], 0),
        # By hand it stays the sweep's run.
        (["agent1", None], 0),
        # Another run of a sweep that comes by the same settings has to be that run.
        (["agent1", "agent2"], 1),
        ([None, "agent1", None], 1),
    ],
)
def test_what_an_agent_starts_is_one_run_with_one_curve(
    agents: list[str | None],
    said: int,
    run: LoggedRun,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    record, config, folder = run
    for number, name in enumerate(agents):
        agent(monkeypatch, name)
        started(folder, record, config, 3 * number + 1, 3 * number + 5)
        # One run of one id, at each time.
        expected = next((name for name in reversed(agents[: number + 1]) if name), "0123456789abcdef-n0nce1")
        assert offline_file(folder).name == f"run-{expected}.wandb"
    # Rows beyond the checkpoint were written once.
    last = 3 * (len(agents) - 1) + 5
    assert [row["iteration"] for row in history(folder) if "loss/mse" in row] == list(range(1, last + 1))
    assert capsys.readouterr().err.count("takes over all that its run") == said


@pytest.mark.parametrize("content", ["", "a/b", "../x", "a\nb", "é", "x" * 200])
def test_an_id_that_was_not_written_here_is_none(content: str, tmp_path: Path) -> None:
    (tmp_path / "wandb").mkdir()
    assert weights_and_biases.known_id(tmp_path) is None
    (tmp_path / "wandb" / weights_and_biases.RUN_ID).write_text(content, encoding="utf-8")
    assert weights_and_biases.known_id(tmp_path) is None


@pytest.mark.usefixtures("environment")
def test_a_run_id_without_a_sweep_is_no_agent_s(run: LoggedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    record, config, folder = run
    monkeypatch.setenv("WANDB_RUN_ID", "another")
    monkeypatch.delenv("WANDB_SWEEP_ID", raising=False)
    started(folder, record, config, 1, 2)
    assert offline_file(folder).name == "run-0123456789abcdef-n0nce1.wandb"


@pytest.mark.parametrize(
    ("words", "expected"),
    [([], ("mine", "disabled")), (["logger.project=other", "logger.mode=online"], ("other", "online"))],
)
def test_its_own_variables_are_heeded(
    words: list[str], expected: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    monkeypatch.setenv("WANDB_MODE", "disabled")
    logger = build(compose_root("train", ["experiment=glcic", "logger=wandb", *words]).logger)
    assert (logger.project, logger.mode) == expected
    with pytest.raises(UserError, match=r"logger\.mode=dryrun: it is one of offline, online, disabled"):
        WeightsAndBiases("henkan", "dryrun")  # type: ignore[arg-type]


@pytest.fixture
def no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Yield the address of a server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.usefixtures("no_key", "environment")
def test_online_without_a_key_goes_on_offline_at_once(run: LoggedRun, capsys: pytest.CaptureFixture[str]) -> None:
    record, config, folder = run
    began = time.monotonic()
    logger = WeightsAndBiases("henkan", "online")
    logger.start(folder, record, config, rows(1, 2))
    assert time.monotonic() - began < 10
    logger.log({"iteration": 3, "loss/mse": 0.1})
    logger.finish("done", {})
    line, *_ = [line for line in capsys.readouterr().err.splitlines() if line.startswith("henkan:")]
    assert "goes on offline: there is no API key" in line
    assert len(history(folder)) == 3


@pytest.mark.usefixtures("no_key", "environment")
@pytest.mark.parametrize("answering", [False, True], ids=["refused", "never answered"])
def test_online_without_a_network_goes_on_offline_soon(
    answering: bool,
    run: LoggedRun,
    silent_server: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    record, config, folder = run
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", silent_server if answering else "http://127.0.0.1:9")
    monkeypatch.setattr(weights_and_biases, "PATIENCE", 1.0)
    began = time.monotonic()
    logger = WeightsAndBiases("henkan", "online")
    logger.start(folder, record, config, rows(1, 2))
    assert time.monotonic() - began < 10
    logger.finish("done", {})
    assert "does not answer" in capsys.readouterr().err
    assert len(history(folder)) == 2
