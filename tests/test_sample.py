"""A composed sample computes a value when it is first read; a detached one has no gradients."""

from __future__ import annotations

import pytest
import torch

from henkan.errors import UserError
from henkan.sample import Composed, Detached, Sample, named_arguments, on_device, read


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


def test_the_discriminators_step_reaches_no_weight_and_computes_nothing_twice() -> None:
    calls: list[str] = []

    def output(sample: Sample) -> torch.Tensor:
        calls.append("output")
        squared: torch.Tensor = sample["raw"].square()
        return squared

    raw = torch.ones(2, requires_grad=True)
    sample = Composed({"raw": raw, "output": output, "name": ["a", "b"]})
    shown = Detached(sample)
    assert not shown["output"].requires_grad and not shown["raw"].requires_grad and shown["name"] == ["a", "b"]
    assert list(shown) == list(sample) and "output" in shown
    sample["output"].sum().backward()
    assert calls == ["output"] and raw.grad is not None


def test_float64_stays_where_the_device_has_none() -> None:
    apple, given = torch.device("mps"), {"area": torch.ones(2, dtype=torch.float64), "kind": ["a", "b"]}
    assert on_device(given, apple)["area"].device.type == "cpu" and on_device(given, apple)["kind"] == ["a", "b"]
    assert on_device(given, torch.device("meta"))["area"].device.type == "meta"
    with pytest.raises(RuntimeError, match="mps"):  # float32 is sent there, and there is no such device here
        on_device({"target": torch.ones(2)}, apple)


def test_a_misspelt_key_is_refused_also_where_the_argument_has_a_default() -> None:
    def masked(input: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        return input if mask is None else input * mask

    arguments, sample = named_arguments(masked), {"output": torch.ones(1)}
    # Of a task that has none: as the files of most losses say it.
    assert list(read("masked", arguments, {"input": "output", "mask": "mask"}, sample)) == ["input"]
    assert list(read("masked", arguments, {"input": "output", "mask": "aux.ink"}, sample)) == ["input"]
    sample["mask"] = torch.zeros(1)
    with pytest.raises(UserError, match=r"masked reads 'maks', which this sample does not have: did you mean 'mask'\?"):
        read("masked", arguments, {"input": "output", "mask": "maks"}, sample)
    with pytest.raises(UserError, match="masked reads 'outline', which this sample does not have; it has"):
        read("masked", arguments, {"input": "outline"}, sample)
