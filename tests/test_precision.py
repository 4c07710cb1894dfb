"""What is scored, penalized and degraded is computed in float32 proper: no autocast, no TF32."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from henkan.degradations.identity import Identity
from henkan.losses.penalty import R1
from henkan.metrics import ssim
from henkan.precision import in_float32, tf32
from henkan.scoring.evaluator import Evaluator
from henkan.tasks.line_drawing import LineDrawing
from henkan.transform import Transform

CONVOLUTIONS, PRODUCTS = torch.backends.cudnn.conv, torch.backends.cuda.matmul  # type: ignore[attr-defined]


def settings() -> tuple[str, str]:
    return CONVOLUTIONS.fp32_precision, PRODUCTS.fp32_precision


class Ampere(TorchFunctionMode):
    """Convolves as such a GPU does: what is multiplied is rounded to TF32's 10 bits, unless that is switched off."""

    def __torch_function__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        if function in (functional.conv2d, torch.conv2d) and CONVOLUTIONS.fp32_precision != "ieee":
            args = (rounded(args[0]), rounded(args[1]), *args[2:])
        return function(*args, **(kwargs or {}))


def rounded(values: Tensor) -> Tensor:
    return ((values.view(torch.int32) + (1 << 12)) & ~((1 << 13) - 1)).view(torch.float32)


def test_both_switches_are_off_inside_and_as_they_were_afterwards() -> None:
    before = settings()
    assert before[0] == "tf32" and tf32() == ["convolutions"], "PyTorch's own default"
    with torch.autocast("cpu", torch.bfloat16):
        with in_float32("cpu"):
            assert settings() == ("ieee", "ieee") and tf32() == []
            assert not torch.is_autocast_enabled("cpu")
        assert torch.is_autocast_enabled("cpu")
    assert settings() == before
    with pytest.raises(KeyError), in_float32("cpu"):
        raise KeyError
    assert settings() == before
    # The older interface, which Lightning reads, is still of one mind with the newer one.
    assert torch.backends.cudnn.allow_tf32 and torch.get_float32_matmul_precision() == "highest"


def test_what_a_person_has_chosen_comes_back() -> None:
    before = settings()
    try:
        torch.set_float32_matmul_precision("high")
        with in_float32("cpu"):
            assert settings() == ("ieee", "ieee")
        assert settings()[1] == "tf32" and torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")
        CONVOLUTIONS.fp32_precision, PRODUCTS.fp32_precision = before


def test_rounding_is_that_of_tf32() -> None:
    given = torch.tensor([1.0, 1.0 + 2.0**-10, 1.0 + 2.0**-12, 1.0 + 3 * 2.0**-12])
    assert rounded(given).tolist() == [1.0, 1.0 + 2.0**-10, 1.0, 1.0 + 2.0**-10]


@pytest.fixture
def drawings() -> tuple[Tensor, Tensor]:
    """A drawing on nearly white paper, and one that differs by what nobody sees."""
    page = np.full((64, 64), 0.97, np.float32)
    for begin, end in (((5, 8), (50, 20)), ((10, 55), (30, 12))):
        cv2.line(page, begin, end, 0.05, 2, cv2.LINE_AA)
    target = torch.from_numpy(page)[None, None]
    noise = torch.rand(target.shape, generator=torch.Generator().manual_seed(0))
    return (target + 0.02 * (noise - 0.5)).mul(255).round().div(255), target.mul(255).round().div(255)


def test_an_ssim_is_the_same_on_a_gpu_that_rounds(drawings: tuple[Tensor, Tensor]) -> None:
    mask = torch.ones(1, 1, 64, 64)
    expected, in_hole = ssim.SSIM()(*drawings), ssim.SSIMHole()(*drawings, mask)
    assert expected.item() == pytest.approx(0.978, abs=0.005)
    with Ampere():
        # What there is to lose.
        assert ssim._similarity(*drawings)[..., 5:-5, 5:-5].mean().item() == pytest.approx(0.61, abs=0.1)
        assert torch.equal(ssim.SSIM()(*drawings), expected)
        assert torch.equal(ssim.SSIMHole()(*drawings, mask), in_hole)


class Spying(nn.Module):
    """A network that notes how it is run."""

    multiple = 1

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.seen = nn.Conv2d(1, 1, 3, padding=1), list[tuple[str, str]]()

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        self.seen.append(settings())
        return self.layer(image), []


def test_a_slope_is_taken_in_float32() -> None:
    network, image = Spying(), torch.rand(2, 1, 8, 8)
    expected = R1()(network, {"image": image}, {"image": image})
    with torch.autocast("cpu", torch.bfloat16), Ampere():
        assert torch.equal(R1()(network, {"image": image}, {"image": image}), expected)
    assert network.seen == [("ieee", "ieee")] * 2


class Answering(Spying):
    def forward(self, image: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        logits, _ = super().forward(image)
        return {"raw": logits}


def test_a_network_is_scored_in_float32() -> None:
    network = Answering()
    pictures = [{"target": np.full((1, 8, 8), level, np.uint8), "name": str(level)} for level in (0, 100, 255)]
    transform, node = Transform(LineDrawing(4), Identity()), {"mse": {"_target_": "henkan.metrics.mse.MSE"}}
    plain = Evaluator(node).evaluate(transform, network, pictures)  # type: ignore[arg-type]
    with torch.autocast("cpu", torch.bfloat16), Ampere():
        found = Evaluator(node).evaluate(transform, network, pictures)  # type: ignore[arg-type]
    assert found.images == plain.images and len(found.images["mse"]) == 3
    assert network.seen == [("ieee", "ieee")] * 2
