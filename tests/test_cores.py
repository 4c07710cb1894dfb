"""Cores are those that this process may use, wherever they are counted."""

from __future__ import annotations

import os

import pytest
import torch

from henkan.cores import cores
from henkan.launching.launcher import WarmProcesses
from henkan.runs import machine
from henkan.verbs.train import use_threads


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process on 3 cores of a machine that has 64."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {4, 5, 6}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.delenv("HENKAN_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def test_cores_are_those_of_the_affinity_mask(bound: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cores() == machine.hardware()["cores"] == 3
    assert WarmProcesses(1).threads == 3 and WarmProcesses(2).threads == 1
    chosen: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", chosen.append)
    use_threads(None)
    for given in ("2", "", "many"):
        monkeypatch.setenv("HENKAN_THREADS", given)
        use_threads(None)
    use_threads(7)
    assert chosen == [3, 2, 3, 3, 7]


@pytest.mark.parametrize(("wanted", "each"), [("2", 2), ("2,1", 2), ("0", 1), ("", 1), ("many", 1)])
def test_what_openmp_is_told_is_what_each_run_computes_with(
    bound: None, monkeypatch: pytest.MonkeyPatch, wanted: str, each: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", wanted)
    assert WarmProcesses(3).threads == each


def test_where_there_is_no_mask_all_of_the_machine(bound: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    assert cores() == 64
