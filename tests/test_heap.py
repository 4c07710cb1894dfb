"""Memory of tensors is kept for the next: as the system counts the pages that it hands out."""

from __future__ import annotations

import subprocess
import sys

import pytest

from henkan.heap import keep_freed
from henkan.launching import execute

# Pages that the system hands out for three steps of a network whose activations have 64 MiB, after two others.
PAGES = """
import resource, sys
import torch
from henkan.heap import keep_freed
if sys.argv[1] == "kept":
    assert keep_freed()
torch.set_num_threads(1)
network = torch.nn.Sequential(*(torch.nn.Conv2d(4, 4, 1) for _ in range(4)))
picture = torch.rand(4, 4, 1024, 1024)
pages = []
for _ in range(5):
    network(picture).relu().mean().backward()
    pages.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
print(pages[-1] - pages[1])
"""


@pytest.mark.skipif(not keep_freed(), reason="this system has another allocator than glibc's")
def test_fewer_pages_are_asked_for() -> None:
    def pages(how: str) -> int:
        done = subprocess.run([sys.executable, "-c", PAGES, how], capture_output=True, text=True, check=True)
        return int(done.stdout)

    given_back, kept = pages("given back"), pages("kept")
    print(given_back, kept)
    assert kept < given_back / 2


def test_composed_verbs_keep_it(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bool] = []
    monkeypatch.setattr(execute, "keep_freed", lambda: kept.append(True))
    assert execute.execute("evaluate", ["nothing=1"]).code == 2
    assert kept == [True]
    assert execute.execute("zoo", ["nothing"]).code == 2
    assert kept == [True]


def test_a_system_without_it_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())
    assert keep_freed() is False
