from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest
import torch
from torch import nn

from henkan.errors import UserError
from henkan.training import checkpoint


class Malicious:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch pwned",)


def test_a_malicious_pickle_is_refused_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": {}, "payload": Malicious()}, tmp_path / "bad.ckpt")
    with pytest.raises(UserError, match="refused: loading it could run code"):
        checkpoint.load(tmp_path / "bad.ckpt")
    assert not (tmp_path / "pwned").exists()


def test_a_truncated_file_and_another_kind_of_file_are_named(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    checkpoint.save({"state_dict": {"a": torch.zeros(1000)}}, path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"last\.ckpt is not a readable checkpoint"):
        checkpoint.load(path)
    path.write_text("not a checkpoint")
    with pytest.raises(UserError, match=r"last\.ckpt"):
        checkpoint.load(path)
    with pytest.raises(UserError, match="there is no checkpoint"):
        checkpoint.load(tmp_path / "absent.ckpt")


def test_no_flipped_bit_loads_other_tensors(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    weights = {"generator.a": torch.arange(6.0).view(2, 3), "generator.b": torch.arange(3, dtype=torch.float64)}
    checkpoint.save({"state_dict": weights, "iteration": 3}, path)
    content, refused = path.read_bytes(), 0
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            state = checkpoint.load(path)
        except UserError as error:
            assert "\n" not in str(error) and str(path) in str(error)
            refused += 1
        else:
            assert state["iteration"] == 3 and state["state_dict"].keys() == weights.keys()
            assert all(torch.equal(value, weights[name]) for name, value in state["state_dict"].items())
            assert all(value.dtype == weights[name].dtype for name, value in state["state_dict"].items())
    # The rest lies in what nobody reads: padding, times, attributes.
    assert refused > 4 * len(content)


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "it is empty"), (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull")],
)
def test_what_a_power_cut_or_git_leaves_is_named(content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "last.ckpt").write_bytes(content)
    with pytest.raises(UserError, match=told):
        checkpoint.load(tmp_path / "last.ckpt")


def test_a_pipe_and_a_folder_are_no_checkpoints(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.ckpt")
    (tmp_path / "folder.ckpt").mkdir()
    with pytest.raises(UserError, match="is a pipe"):
        checkpoint.load(tmp_path / "pipe.ckpt")
    with pytest.raises(UserError, match="Is a directory"):
        checkpoint.load(tmp_path / "folder.ckpt")


@pytest.mark.parametrize("count", [300, 300_000])
def test_a_full_disk_is_told_as_such_and_leaves_the_old_file(count: int, tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    checkpoint.save({"state_dict": {}, "iteration": 1}, path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # As on a full disk, within the first block that is written, and later.
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as error:
            checkpoint.save({"state_dict": {"a": torch.zeros(count)}, "iteration": 2}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert error.value.filename == str(path)
    assert checkpoint.load(path)["iteration"] == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["last.ckpt"]


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    checkpoint.save({"state_dict": {}, "iteration": 1}, path)
    with pytest.raises((TypeError, AttributeError)):
        checkpoint.save({"state_dict": {}, "iteration": lambda: None}, path)
    assert checkpoint.load(path)["iteration"] == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["last.ckpt"]


def test_another_architecture_is_told_by_what_differs_first(tmp_path: Path) -> None:
    weights = nn.Linear(2, 3).state_dict()
    with pytest.raises(UserError, match=r"weight is \(3, 2\) there and \(3, 4\) here"):
        checkpoint.load_weights(nn.Linear(4, 3), weights, tmp_path / "x.ckpt")
    with pytest.raises(UserError, match=r"it lacks 0\.bias"):
        checkpoint.load_weights(nn.Sequential(nn.Linear(2, 3)), weights, tmp_path / "x.ckpt")
    with pytest.raises(UserError, match="it also has bias"):
        checkpoint.load_weights(nn.Linear(2, 3, bias=False), weights, tmp_path / "x.ckpt")


def test_a_run_folder_means_its_last_checkpoint(tmp_path: Path) -> None:
    checkpoint.save({"state_dict": {}}, tmp_path / "checkpoints" / "last.ckpt")
    assert checkpoint.find_checkpoint(tmp_path) == tmp_path / "checkpoints" / "last.ckpt"
    with pytest.raises(UserError, match="name a run folder"):
        checkpoint.find_checkpoint(tmp_path / "nowhere")


def test_an_iteration_means_the_checkpoint_that_stayed_or_the_last(tmp_path: Path) -> None:
    for iteration in (20, 3):
        checkpoint.save({"state_dict": {}, "iteration": iteration}, checkpoint.of_iteration(tmp_path, iteration))
    checkpoint.save({"state_dict": {}, "iteration": 25}, checkpoint.last(tmp_path))
    assert checkpoint.find_checkpoint(tmp_path, 20) == tmp_path / "checkpoints" / "iteration_0000020.ckpt"
    assert checkpoint.find_checkpoint(tmp_path, 25) == checkpoint.last(tmp_path)
    assert list(checkpoint.kept(tmp_path)) == [3, 20]
    with pytest.raises(UserError, match="iteration=4 was not kept in .*: there is 3, 20, 25; checkpoint.keep.every=N"):
        checkpoint.find_checkpoint(tmp_path, 4)


@pytest.mark.parametrize("linked", [True, False])
def test_a_link_is_the_same_until_one_of_the_two_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linked: bool
) -> None:
    def impossible(*_: object) -> None:
        raise OSError("a file system without links")

    if not linked:
        monkeypatch.setattr(os, "link", impossible)
    one, last = tmp_path / "one.ckpt", tmp_path / "last.ckpt"
    checkpoint.save({"state_dict": {}, "iteration": 1}, last)
    checkpoint.save({"state_dict": {}, "iteration": 2}, one)
    checkpoint.link(one, last)
    assert checkpoint.load(last)["iteration"] == 2 and last.samefile(one) == linked
    checkpoint.save({"state_dict": {}, "iteration": 3}, last)
    assert checkpoint.load(one)["iteration"] == 2, "what stays is not written over"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.ckpt", "one.ckpt"]


def test_a_checkpoint_is_found_from_the_folder_that_it_lies_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    checkpoint.save({"iteration": 5, "state_dict": {"a": torch.ones(1)}}, checkpoint.last(folder))
    monkeypatch.chdir(checkpoint.last(folder).parent)
    assert checkpoint.find_checkpoint(Path("last.ckpt"), iteration=5) == checkpoint.last(folder)
