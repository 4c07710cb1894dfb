from collections import Counter

import pytest

from henkan.data.splits import Grouping, looks_like_one, split_by_folder, split_by_hash
from henkan.errors import UserError


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
    assert split_by_folder("train") is None


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("valid/a.png", "val"),
        ("validation/a.png", "val"),
        ("dev/a.png", "val"),
        ("Train/a.png", "train"),
        ("Val/a.png", "val"),
        ("TEST/a.png", "test"),
        ("training/a.png", "train"),
        ("val_large/a.png", "val"),
        ("train2017/a.png", "train"),
        ("test-images_256/a.png", "test"),
        ("training set/a.png", "train"),
        ("images/train/cats/a.png", "train"),
        ("data/images/Test/a.png", "test"),
        # The uppermost one wins: what lies below may be a class.
        ("val/train/a.png", "val"),
        ("pictures/test/valid/a.png", "test"),
        ("train_station/a.png", None),
        ("trains/a.png", None),
        ("developers/a.png", None),
        ("images/train.png", None),
        ("validity/a.png", None),
        ("", None),
    ],
)
def test_what_folders_mean_a_split(name: str, split: str | None) -> None:
    assert split_by_folder(name) == split


def test_what_only_looks_like_a_split() -> None:
    for folder in ("DIV2K_train_HR", "trainA", "my test", "holdout", "eval", "tests", "TestRig2", "validate"):
        assert looks_like_one(folder), folder
    for folder in ("valley", "photos", "2024", "Latest", "contest", "devices", "train", "val_large"):
        assert not looks_like_one(folder), folder


@pytest.mark.parametrize(
    ("pattern", "keys"),
    [
        (None, ["p1_a.png", "p1_b.png", "p2_a.png", "x.png"]),
        ("p\\d", ["p1", "p1", "p2", "x.png"]),
        ("^(p\\d)_", ["p1", "p1", "p2", "x.png"]),
        ("(.)_(.)", ["1\x1fa", "1\x1fb", "2\x1fa", "x.png"]),
        # What finds nothing groups nothing.
        ("q*", ["p1_a.png", "p1_b.png", "p2_a.png", "x.png"]),
        ("(q)?", ["p1_a.png", "p1_b.png", "p2_a.png", "x.png"]),
    ],
)
def test_groups_out_of_names(pattern: str | None, keys: list[str]) -> None:
    grouping = Grouping(pattern)
    assert [grouping(name) for name in ("p1_a.png", "p1_b.png", "p2_a.png", "x.png")] == keys


def test_no_expression_is_refused() -> None:
    with pytest.raises(UserError, match=r"data\.group=\(p is no regular expression \(missing \), unterm"):
        Grouping("(p")
