"""A model file: read as it was written, and every damage to it named."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from henkan.files import Damaged
from henkan.training import model_file

SAID = {"henkan": "1.0", "config": "task: {}\n", "iterations": "7"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    tensors = {"kernel": torch.randn(3, 5), "bias": torch.randn(3), "count": torch.tensor(4)}
    model_file.write(tmp_path / "model.safetensors", tensors, SAID)
    return tmp_path / "model.safetensors"


def test_it_is_read_as_it_was_written(path: Path) -> None:
    assert model_file.said(path) == SAID
    state = model_file.state(path)
    assert state["iteration"] == 7
    assert sorted(state["state_dict"]) == ["generator.bias", "generator.count", "generator.kernel"]
    assert state["state_dict"]["generator.kernel"].dtype == torch.float32
    # And once more, of what it says itself: seals are of the new file.
    model_file.write(path, {"other": torch.zeros(2)}, model_file.said(path))
    assert model_file.state(path)["state_dict"]["generator.other"].tolist() == [0.0, 0.0]


def test_no_flipped_bit_is_read_in_silence(path: Path) -> None:
    content, before = path.read_bytes(), model_file.state(path)
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            found = model_file.state(path)
        except Damaged:
            continue
        # The format's padding, say, is nothing that is read.
        assert found["iteration"] == before["iteration"] and list(found["state_dict"]) == list(before["state_dict"])
        assert all(map(torch.equal, found["state_dict"].values(), before["state_dict"].values())), bit


def test_files_of_before_there_were_seals_are_read(path: Path) -> None:
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in ("kernel", "bias", "count")}
    save_file(tensors, path, metadata=SAID)
    assert model_file.state(path)["iteration"] == 7
    save_file(tensors, path, metadata={**SAID, "tensors": "0"})
    with pytest.raises(Damaged, match="does not fit its seal"):
        model_file.said(path)
    # Weights of others, which say of themselves what they like.
    save_file(tensors, path, metadata={"digest": "theirs"})
    assert model_file.metadata(path) == {}


def test_other_tensors_under_the_same_words_are_refused(path: Path) -> None:
    with safe_open(path, framework="pt") as file:
        facts, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    tensors["bias"] += 1.0
    save_file(tensors, path, metadata=facts)
    with pytest.raises(Damaged, match="not those that were written"):
        model_file.state(path)
