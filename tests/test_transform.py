"""A sample is the same whatever a run trains in, and making it never has a GPU wait: tested without one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

import henkan.sample
from henkan.config.build import build
from henkan.config.composition import compose_root
from henkan.data.stream import collate
from henkan.degradations.degradation import Degradation
from henkan.sample import Composed, on_device
from henkan.tasks.colorization import Colorization
from henkan.tasks.completion import Completion
from henkan.tasks.line_drawing import LineDrawing
from henkan.tasks.sketch_to_picture import SketchToPicture
from henkan.tasks.task import Task
from henkan.transform import Transform

SIDE = 64
GREY = ("pencil_light", "pencil_heavy", "ballpoint", "photographed_page", "noise_2018", "tone_slur_noise", "reversed")
COLOR = ("rectangle", "free_form", "grey", "hints", "global_colors", "scribble", "none")


def degradation(name: str, *words: str) -> Degradation:
    given = ["scale=smoke", "statistics.deviation=0.1", "statistics.mean=[0.4,0.5,0.6]", *words]
    built: Degradation = build(compose_root("train", [f"degradation={name}", *given]).degradation)
    return built


def batch(of: Degradation, channels: int, count: int = 2) -> dict[str, Any]:
    """Draw parameters for blurred noise, so that everything has something to do."""
    items = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        target = np.kron(rng.integers(0, 256, (SIDE // 8, SIDE // 8, channels)), np.ones((8, 8, 1))).astype(np.uint8)
        items.append({"target": target.transpose(2, 0, 1), "name": "a.png", **of.draw(target, rng, "a.png")})
    return collate(items)


@pytest.mark.parametrize("name", [*GREY, *COLOR])
def test_a_sample_made_while_training_in_bf16_is_the_sample(name: str) -> None:
    made = degradation(name)
    transform = Transform(LineDrawing(16), made)
    given = batch(made, 1 if name in GREY else 3)
    expected = transform.prepare(given)
    with torch.autocast("cpu", torch.bfloat16):
        found = transform.prepare(given)
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        if isinstance(value, Tensor):
            assert found[key].dtype == value.dtype and torch.equal(found[key], value), key


class Convolving(Degradation):
    """A user's own: a blur by a kernel, and a product of matrices."""

    def draw(self, target: np.ndarray, rng: np.random.Generator, name: str = "") -> dict[str, Any]:
        return {}

    def apply(self, sample: dict[str, Any]) -> dict[str, Any]:
        target = sample["target"]
        blurred = torch.nn.functional.conv2d(target, target.new_full((3, 3, 5, 5), 1 / 75), padding=2)
        return {**sample, "source": blurred @ blurred.transpose(-1, -2) / SIDE}


def test_what_a_degradation_multiplies_is_not_rounded() -> None:
    transform = Transform(LineDrawing(16), Convolving())
    given = batch(Convolving(), 3)
    expected = transform.prepare(given)["source"]
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(transform.prepare(given)["source"], expected)
        with torch.autocast("cpu", torch.bfloat16):
            coarse = Convolving().apply({"target": given["target"].float() / 255})["source"]
    assert (coarse.float() - expected).abs().max() > 1e-4, "what there is to lose"


class Waits(TorchDispatchMode):
    """Collects what would make a CUDA device and the processor wait for each other, and float64 on the device."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        result = function(*args, **(kwargs or {}))
        name = str(function)
        if "_linalg_check_errors" in name or "_local_scalar_dense" in name:
            self.found.append(name)
        if isinstance(result, Tensor):
            given = [value.device.type for value in args if isinstance(value, Tensor)]
            if "_to_copy" in name and given[0] != result.device.type:
                self.found.append(f"{given[0]} -> {result.device.type} {list(result.shape)}")
            if "_to_copy" in name and result.dtype == torch.float64 and result.device.type == "cuda":
                self.found.append(f"{name}: float64")
        return result


@pytest.fixture
def no_cudnn() -> Iterator[None]:
    """grid_sample asks it for its version, and there is none to ask."""
    before = torch.backends.cudnn.enabled
    torch.backends.cudnn.enabled = False
    yield
    torch.backends.cudnn.enabled = before


@pytest.mark.skipif(torch.cuda.is_available(), reason="where there is a GPU, PyTorch emulates no copy to it")
def test_waiting_is_seen() -> None:
    with FakeTensorMode(), Waits() as waits:
        there = torch.zeros(2, device="cuda")
        there.new_tensor([1.0])
        torch.tensor((1, 2), device="cuda")
        there.cpu()
        there.double()
        torch.linalg.solve(there.new_ones(2, 2), there)
        assert there.new_full((), 0.5).add(torch.arange(2, device="cuda")).shape == (2,)
    assert waits.found == [
        "cpu -> cuda [1]",
        "cpu -> cuda [2]",
        "cuda -> cpu [2]",
        "aten._to_copy.default: float64",
        "aten._linalg_check_errors.default",
    ]


# JPEG's codec makes its tables once, and waits for them then.
WITHOUT_JPEG = ("degradation.page.jpeg=null",)
STEPS = [
    (Completion(16), "rectangle", ()),
    (Completion(16), "free_form", ()),
    (Completion(16), "none", ()),
    (Colorization(16), "grey", ()),
    (Colorization(16, judged_in="lab"), "hints", ()),
    (Colorization(16, temperature=0.38), "global_colors", ()),
    (LineDrawing(16), "pencil_heavy", ()),
    (LineDrawing(16), "photographed_page", WITHOUT_JPEG),
    (LineDrawing(16), "tone_slur_noise", ()),
    (SketchToPicture(16), "scribble", ()),
]


@pytest.mark.parametrize(
    ("task", "name", "words"), STEPS, ids=[f"{type(task).__name__}-{name}" for task, name, _ in STEPS]
)
@pytest.mark.parametrize("float64", [True, False], ids=["cuda", "without float64"])
def test_no_step_waits_for_a_gpu(
    task: Task, name: str, words: tuple[str, ...], float64: bool, no_cudnn: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not float64:  # as on Apple's GPUs, which cannot be emulated themselves
        monkeypatch.setattr(henkan.sample, "WITHOUT_FLOAT64", ("cuda",))
    made = degradation(name, *words)
    channels = 1 if isinstance(task, LineDrawing) else 3
    given = batch(made, channels)
    if isinstance(task, Completion) and name == "none":
        given |= {key: torch.zeros(2, 2, dtype=torch.int64) for key in ("window", "window_real")}
        given["mask"] = torch.zeros(2, 1, SIDE, SIDE, dtype=torch.uint8)
    raw = torch.rand(2, 2 if isinstance(task, Colorization) else channels, SIDE, SIDE)
    bins = torch.zeros(2, 529, SIDE // 4, SIDE // 4)
    with FakeTensorMode() as fake:
        here = {key: fake.from_tensor(value) if isinstance(value, Tensor) else value for key, value in given.items()}
        there = on_device(here, torch.device("cuda"))
        answer, classes = fake.from_tensor(raw).cuda(), fake.from_tensor(bins).cuda()
        with Waits() as waits:
            sample = {**Transform(task, made, channels_last=True).prepare(there), "aux.bins": classes, "raw": answer}
            task.condition(sample)
            composed = Composed({**sample, **task.compose(answer, sample)})
            judged = task.judged("output", composed, "fake"), task.judged("target", composed, "real")
            assert {part["window"].device.type for part in judged} == {"cuda"}
            assert composed["prediction"].shape == composed["output"].shape == sample["target"].shape
    # What is drawn for a picture are a few numbers: without float64 they go there in columns, when they are wanted.
    columns = [] if float64 or "parameters" not in given else ["cpu -> cuda [2]", "cpu -> cuda [2, 1, 1, 1]"]
    assert [word for word in waits.found if word not in columns] == []
