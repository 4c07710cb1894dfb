"""What a discriminator is shown, and what is logged of what it says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from henkan.discriminators.augment import DiffAugment
from henkan.launching.execute import execute
from henkan.losses.adversarial import Hinge, NonSaturating
from henkan.losses.masked_adversarial import MaskedNonSaturating
from henkan.losses.penalty import R1
from henkan.sample import Composed, Sample
from henkan.terms.judge import Bench, Judge
from henkan.terms.step import Step


class Oracle(nn.Module):
    """Says +5 of bright patches of 4 x 4 pixels and -5 of dark ones."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        self.seen.append(image)
        return torch.where(nn.functional.avg_pool2d(image[:, :1], 4) > 0.5, 5.0, -5.0), []


def judged(key: str, sample: Sample, side: str) -> Mapping[str, Tensor]:
    def window(_: Sample) -> Tensor:
        raise AssertionError("no discriminator here looks at a window")

    return Composed({"image": sample[key], "mask": sample["mask"], "window": window})


@pytest.fixture
def sample() -> dict[str, Tensor]:
    """Bright pictures, completed with a dark quarter."""
    mask = torch.zeros(2, 1, 8, 8)
    mask[:, :, :4, :4] = 1
    target = torch.ones(2, 3, 8, 8)
    return {"target": target, "mask": mask, "prediction": target - mask, "output": target - mask}


def step(sample: dict[str, Tensor], bench: Bench, log: dict[str, Tensor], **given: Any) -> Step:
    judge = Judge(bench, {"paired": sample}, together=True, **given)
    return Step("adversarial", {"paired": sample}, log.__setitem__, judge=judge)


def test_the_accuracy_of_lama_counts_what_it_labels(sample: dict[str, Tensor]) -> None:
    log: dict[str, Tensor] = {}
    bench = Bench(Oracle(), judged, "prediction", together=False)
    value = MaskedNonSaturating().for_discriminator(step(sample, bench, log))
    # A perfect discriminator: the hole is a quarter, and all of it is told.
    assert log["discriminator/accuracy_real"] == log["discriminator/accuracy_fake"] == 1.0
    assert float(value.mean()) < 0.02
    assert log["discriminator/logit_fake"] == pytest.approx(0.75 * 5 - 0.25 * 5)
    log.clear()
    NonSaturating().for_discriminator(step(sample, bench, log))
    # Of an objective that labels all patches alike, only a quarter is seen through.
    assert log["discriminator/accuracy_fake"] == 0.25


def test_what_is_not_asked_for_is_not_computed(sample: dict[str, Tensor]) -> None:
    bench = Bench(Oracle(), judged, "output", together=False)
    assert list(Judge(bench, {"paired": sample}, together=True).shown("paired", "real")) == ["image"]


def test_held_out_pictures_are_judged_beside_the_same_fakes(sample: dict[str, Tensor]) -> None:
    log: dict[str, Tensor] = {}
    bench = Bench(Oracle(), judged, "output", together=False)
    dark = {**sample, "target": torch.zeros(2, 3, 8, 8)}
    Hinge().for_discriminator(step(sample, bench, log, unseen=lambda: dark))
    # By heart: right of what it was trained on, wrong of all else.
    assert log["discriminator/accuracy_real"] == 1.0 and log["discriminator/accuracy_held_out"] == 0.0


def test_a_penalty_is_logged_as_it_is(sample: dict[str, Tensor]) -> None:
    class Slope(nn.Module):
        def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
            return 2.0 * image.mean((1, 2, 3)), []

    log: dict[str, Tensor] = {}
    bench = Bench(Slope(), judged, "output", together=False)
    value = R1(gamma=10.0, every=16).for_discriminator(step(sample, bench, log))
    # |grad|² = 4 / 192 over 192 values of a picture; times gamma / 2.
    expected = 5.0 * 4.0 / 192
    assert float(log["discriminator/adversarial"]) == pytest.approx(expected)
    assert value is not None and float(value.mean()) == pytest.approx(16 * expected)


def test_what_is_shown_is_augmented_real_and_fake_alike_and_so_are_labels(sample: dict[str, Tensor]) -> None:
    torch.manual_seed(0)
    oracle = Oracle()
    shifted = DiffAugment(brightness=None, saturation=None, contrast=None, translation=0.5, cutout=None)
    judge = Judge(Bench(oracle, judged, "output", together=False, augment=shifted), {"paired": sample}, together=True)
    judge.both("paired", "paired")
    (seen,) = oracle.seen
    real, fake = seen.chunk(2)
    assert not torch.equal(real, sample["target"])
    # By one draw: they still differ exactly where the hole is, which is where the labels say.
    mask = judge.mask("paired")
    assert mask is not None and not torch.equal(mask, sample["mask"])
    torch.testing.assert_close(real - fake, mask.expand_as(real))


def test_augmentation_and_held_out_pictures_from_one_config_line(
    tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*tiny, "loss=[mse,adversarial]", "judged_augmentation=diffaugment"]
    words += ["optimizer.clip={generator: 1e-3, discriminator: null}"]
    assert execute("train", words).code == 0
    rows = pd.read_csv(Path(capsys.readouterr().out.splitlines()[-1]) / "metrics.csv")
    judged_rows = rows[rows["discriminator/adversarial"].notna()]
    assert judged_rows["discriminator/accuracy_held_out"].between(0, 1).all()
    # Each network has a limit of its own, and how often it was met is logged.
    assert (rows["clipped/generator"].dropna() == 1.0).all() and "clipped/discriminator" not in rows
