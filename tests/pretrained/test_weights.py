"""Weights are taken from one folder, checked, and never downloaded."""

import hashlib
import os
import socket
from pathlib import Path

import pytest
import torch

from henkan.errors import MissingWeights, UserError
from henkan.pretrained import weights

URL = "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


def saved(folder: Path, state: object) -> Path:
    """Save `state` as torchvision names its files: the SHA-256 begins with what stands before the suffix."""
    torch.save(state, folder / "new.pth")
    digest = hashlib.sha256((folder / "new.pth").read_bytes()).hexdigest()
    return (folder / "new.pth").rename(folder / f"net-{digest[:8]}.pth")


def test_absent_weights_are_told_in_one_line_and_no_network_is_asked(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(MissingWeights) as error:
        weights.load(URL)
    told = str(error.value)
    assert "\n" not in told and "alexnet-owt-7be5be79.pth" in told and URL in told and str(checkpoints) in told


def test_present_weights_are_loaded(checkpoints: Path) -> None:
    path = saved(checkpoints, {"a": torch.arange(3)})
    assert torch.equal(weights.load(f"https://example.org/{path.name}?x=1")["a"], torch.arange(3))


def test_a_corrupt_file_is_refused_unread(checkpoints: Path) -> None:
    torch.save({"a": torch.zeros(1)}, checkpoints / "alexnet-owt-7be5be79.pth")
    with pytest.raises(UserError, match="damaged.*delete it, download") as error:
        weights.load(URL)
    assert not isinstance(error.value, MissingWeights)


def test_a_file_that_changes_is_checked_again(checkpoints: Path) -> None:
    path = saved(checkpoints, {"a": torch.zeros(1)})
    weights.load(f"https://example.org/{path.name}")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    os.utime(path, ns=(1, 1))
    with pytest.raises(UserError, match="damaged"):
        weights.load(f"https://example.org/{path.name}")


def test_a_pickle_with_code_is_not_run(checkpoints: Path) -> None:
    class Malice:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, ("touch " + str(checkpoints / "ran"),)

    path = saved(checkpoints, Malice())
    with pytest.raises(Exception, match="[Ww]eights.only"):
        weights.load(f"https://example.org/{path.name}")
    assert not (checkpoints / "ran").exists()
