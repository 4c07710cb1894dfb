from collections import Counter

import pytest

from henkan.data.splits import split_by_folder, split_by_hash


def test_shares_are_80_10_10() -> None:
    counts = Counter(split_by_hash(f"picture {i}") for i in range(10_000))
    assert counts["train"] == pytest.approx(8_000, abs=150)
    assert counts["val"] == pytest.approx(1_000, abs=120)
    assert counts["test"] == pytest.approx(1_000, abs=120)


def test_a_split_never_changes() -> None:
    # Studies that are done depend on it: these are literals on purpose.
    assert [split_by_hash(f"{key}.png") for key in "abcn"] == ["val", "train", "test", "test"]


def test_folders_named_as_splits_win() -> None:
    assert split_by_folder("val/a.png") == "val"
    assert split_by_folder("test/deep/a.png") == "test"
    assert split_by_folder("deep/train/a.png") is None
    assert split_by_folder("train") is None
