"""Which devices a run trains on: what is refused, in one line, before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from omegaconf import DictConfig

from henkan.cuda import Gpu
from henkan.devices import count_of, device_of, kind_of
from henkan.errors import UserError
from henkan.launching.execute import execute
from henkan.precision import in_float32
from henkan.runs import machine
from henkan.runs.plan import plan_run

Compose = Callable[..., DictConfig]


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Pretend to have so many."""

    def pretend(count: int) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)

    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    pretend(0)
    return pretend


def test_auto_is_cuda_or_the_cpu_and_never_mps(gpus: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    assert kind_of("auto") == kind_of("cpu") == "cpu"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert kind_of("auto") == "cpu" and kind_of("mps") == kind_of("gpu") == "mps"
    gpus(2)
    assert kind_of("auto") == kind_of("gpu") == kind_of("cuda") == "cuda" and kind_of("cpu") == "cpu"


@pytest.mark.parametrize(
    ("count", "accelerator", "devices", "expected"),
    [
        (0, "auto", 1, 1),
        (0, "auto", "auto", 1),
        (0, "cpu", 3, 3),
        (2, "auto", 2, 2),
        (2, "cuda", "auto", 2),
        (2, "cpu", 3, 3),
    ],
)
def test_how_many_train(gpus: Callable[[int], None], count: int, accelerator: str, devices: Any, expected: int) -> None:
    gpus(count)
    assert count_of(accelerator, devices) == expected


REFUSED = [
    (0, "gpu", 1, "trainer.accelerator=gpu: PyTorch .* finds none here; take trainer.accelerator=auto"),
    (0, "cuda", 1, "trainer.accelerator=cuda: .*auto"),
    (0, "mps", 1, "trainer.accelerator=mps: .*auto"),
    (2, "mps", 1, "trainer.accelerator=mps: .*auto"),
    (0, "tpu", 1, "trainer.accelerator=tpu: it is one of auto, cpu, gpu, cuda, mps"),
    (0, "auto", 0, "trainer.devices=0 must be 1 or more"),
    (2, "auto", -1, "trainer.devices=-1 must be 1 or more"),
    (2, "auto", 3, "trainer.devices=3: there is no more than 2 here"),
    (2, "auto", [1], r"trainer.devices=\[1\]: write how many, or auto"),
    (2, "auto", "both", "trainer.devices=both: write how many"),
]


@pytest.mark.parametrize(("count", "accelerator", "devices", "message"), REFUSED)
def test_what_is_not_here_is_refused(
    gpus: Callable[[int], None], count: int, accelerator: str, devices: Any, message: str
) -> None:
    gpus(count)
    with pytest.raises(UserError, match=message):
        count_of(accelerator, devices)


def test_a_run_is_looked_at_wherever_that_can_be(gpus: Callable[[int], None]) -> None:
    assert device_of("cuda") == torch.device("cpu")
    gpus(2)
    assert device_of("auto") == device_of("gpu") == torch.device("cuda")
    assert device_of("cpu") == device_of("mps") == torch.device("cpu")


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("trainer.precision=16-mixed", "trainer.precision=16-mixed: float16 needs its gradients scaled"),
        ("trainer.precision=16-true", "take bf16-mixed, which needs no scaling, or 32-true"),
        ("trainer.precision=8", "trainer.precision=8: it is one of auto, 32-true, bf16-mixed"),
        ("trainer.accelerator=cuda", "trainer.accelerator=cuda: PyTorch"),
        ("trainer.devices=0", "trainer.devices=0 must be 1 or more"),
        ("trainer.devices=-2", "trainer.devices=-2 must be 1 or more"),
        ("trainer.devices=[9]", "trainer.devices=[9] does not fit: it takes a whole number"),
    ],
)
def test_in_one_line_before_the_data_are_looked_for(
    word: str, expected: str, gpus: Callable[[int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute("train", ["data=image_folder", "data.path=/nowhere", word]).code == 2
    (printed,) = capsys.readouterr().err.splitlines()
    assert expected in printed


def test_precision_is_decided_for_the_device_that_trains(
    gpus: Callable[[int], None], tiny: list[str], composed: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(1)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False)
    found = {}
    for accelerator in ("cpu", "auto"):
        words = [*tiny, "trainer.precision=auto", f"trainer.accelerator={accelerator}"]
        found[accelerator] = plan_run(composed(words)).config["trainer"]["precision"]
    assert found == {"cpu": "32-true", "auto": "bf16-mixed"}
    assert not machine.fast_in_bfloat16("mps")


def test_the_record_says_what_a_gpu_computes_in_tf32(
    gpus: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "tf32" not in machine.hardware()
    gpus(1)
    monkeypatch.setattr(machine, "gpus", lambda: (Gpu("one", (8, 0)),))
    found = machine.hardware()
    assert (found["accelerator"], found["tf32"]) == ("one", "convolutions")
    with in_float32("cpu"):
        assert machine.hardware()["tf32"] == "nowhere"
