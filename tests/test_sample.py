"""A composed sample computes a value when it is first read, and looks like any other sample."""

from __future__ import annotations

from henkan.sample import Composed, Sample


def test_a_value_is_computed_once_and_only_if_read() -> None:
    calls: list[str] = []

    def doubled(sample: Sample) -> int:
        calls.append("doubled")
        return 2 * int(sample["one"])

    sample = Composed({"one": 1, "two": doubled, "four": lambda sample: 2 * sample["two"]})
    assert sorted(sample) == ["four", "one", "two"] and "four" in sample and calls == []
    assert sample["four"] == 4 and sample["two"] == 2 and calls == ["doubled"]
    assert {**sample} == {"one": 1, "two": 2, "four": 4} == dict(sample.items())
    assert sample.get("three") is None and calls == ["doubled"]


def test_a_value_that_was_set_stays() -> None:
    sample = Composed({"two": lambda sample: 2})
    sample["two"] = 3
    assert sample["two"] == 3
