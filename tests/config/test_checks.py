"""Configs are checked without building anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

import pytest
from omegaconf import OmegaConf

from henkan.config import checks, objectives, overrides, signatures
from henkan.config.composition import compose_root
from henkan.errors import UserError
from henkan.launching.execute import Outcome, execute


@pytest.mark.parametrize("scale", ["smoke", "laptop", "paper"])
def test_the_recipe_is_fine_at_every_scale(scale: str) -> None:
    checks.check_config(compose_root("train", ["experiment=glcic", f"scale={scale}"]))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ["+generator.widht=3"],
            "generator.widht: henkan.generators.glcic.CompletionNetwork has no such setting (did you mean 'width'?)",
        ),
        (["generator._target_=henkan.generators.glcic.CompletionNetwrk"], "(did you mean 'CompletionNetwork'?)"),
        (["generator._target_=henkan.generatrs.glcic.CompletionNetwork"], "(did you mean 'generators'?)"),
        (["generator._target_=nowhere_to_be_found.Net"], "no module 'nowhere_to_be_found'"),
        (["generator._target_=torch.nn.functional.__name__"], "nothing that can be called"),
        (["generator.width=wide"], "generator.width='wide' does not fit"),
        (["generator.width=null"], "generator.width=null does not fit: henkan.generators.glcic"),
        # Its hints name what torch imports for a type checker alone.
        (["scheduler=step", "scheduler.generator.gamma=null"], "scheduler.generator.gamma=null does not fit"),
        (["+loss.adversarial.gamma=1", "loss=[mse]"], "loss.adversarial has settings but no _target_"),
        (
            ["+loss.mse.reads.inptu=output"],
            "loss.mse.reads.inptu: henkan.losses.mse.MSE has no such argument (did you mean 'input'?)",
        ),
        (["~generator.width", "+generator._partial_=true"], None),
        (["+optimizer.generator.momentum=1"], "optimizer.generator.momentum: torch.optim"),
        (["optimizer.generator._target_=torch.optim.Adm"], "(did you mean 'Adam'?)"),
        (
            ["data=image_folder", "data.path=x", "+data.grop=a"],
            "data.grop: henkan.data.image_folder.ImageFolder has no such setting (did you mean 'group'?)",
        ),
        (["data=paired_folder", "data.path=x", "+data.given=a"], "PairedFolder has no such setting"),
        (["data=line_folder", "data.path=x", "data.skip_broken=maybe"], "data.skip_broken='maybe' does not fit"),
        (["data=depth_folder", "data.path=x", "data.manifest=names"], "data.manifest='names' does not fit"),
        (
            ["evaluation.split=tset"],
            "evaluation.split=tset does not fit: it takes Literal['train', 'val', 'test'] | None",
        ),
        (["evaluation.split=tset"], "(did you mean 'test'?)"),
        (
            ["loss=[mse,adversarial]", "weights.adversarial=null"],
            "weights.adversarial=null does not fit: it takes a number; 0 switches",
        ),
        (
            ["loss=[mse,adversarial]", "balance.adversarial=abc"],
            "balance.adversarial=abc does not fit: it takes float | None",
        ),
        (["checkpoint.keep=null"], "checkpoint.keep=null does not fit: it has settings, every, minutes, best, score"),
        (["checkpoint.keep.minutes=abc"], "checkpoint.keep.minutes=abc does not fit: it takes float | None"),
        (["checkpoint.keep.best=null"], "checkpoint.keep.best=null does not fit: it takes int"),
        (["validation=null"], "validation=null does not fit: it has settings, every"),
        (["optimizer.generator=null"], "optimizer.generator=null does not fit"),
        (["+optimizer.rates=2"], "optimizer.rates=2 does not fit"),
        (["metric.psnr=null"], "metric.psnr=null does not fit: it takes Mapping[str, Any]"),
        (["evaluation.areas=[0,null,1]"], "evaluation.areas[1]=null does not fit: it takes float"),
        (["objective=[val/psnr,val/ssim]"], None),
        (["overfit=abc"], "overfit=abc does not fit: it takes float | None"),
        (["+schedule.joint.terms=mse"], "schedule.joint.terms=mse does not fit: it takes list[str] | None"),
        (["+schedule.joint.discriminator_updates=2.5"], "does not fit: it takes int | None"),
        (["+trainer.max_epochs=2"], "nothing reads trainer.max_epochs"),
        (["+checkpoint.keep.evry=2"], "nothing reads checkpoint.keep.evry (did you mean 'every'?)"),
        (["+schedule.joint.itrations=3"], "nothing reads schedule.joint.itrations (did you mean 'iterations'?)"),
        (["+schedule.completion.iterations=3"], "schedule.completion has no update: say +schedule.completion.update=…"),
    ],
)
def test_what_does_not_fit_is_named(words: list[str], expected: str | None) -> None:
    cfg = compose_root("train", ["scale=smoke", *words])
    if expected is None:
        checks.check_config(cfg)
        return
    with pytest.raises(UserError) as caught:
        checks.check_config(cfg)
    assert expected in str(caught.value)


def test_what_a_constructor_lacks_is_named() -> None:
    with pytest.raises(UserError, match="window: .*missing a required argument: 'size'"):
        signatures.bind("window", {"_target_": "henkan.data.framing.Center"}, ())


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (1, float, True),
        (1.5, int, False),
        (True, int, False),
        ("1", float, False),
        (None, int, True),
        ([1, 2.0], Sequence[float], True),
        ([1, "a"], Sequence[float], False),
        ([1.0, 2.0], tuple[float, float], True),
        (3, Sequence[float], False),
        ("a", Literal["a", "b"], True),
        ("c", Literal["a", "b"], False),
        ("x", int | None, False),
        ({"_target_": "x"}, int, True),
        ({"a": 1}, dict[str, int], True),
        ("/x", Path, True),
        (3, Any, True),
        ("abc", str | float, True),
    ],
)
def test_whether_a_value_fits_a_hint(value: Any, hint: Any, expected: bool) -> None:
    assert signatures.fits(value, hint) is expected


def test_overrides_are_compared_with_what_they_replace() -> None:
    words = ["scale=smoke", "validation={every: 3}"]
    overrides.check_types(compose_root("train", words), words)
    words = ["scale=smoke", "validation.every=often"]
    with pytest.raises(UserError, match="it takes a whole number"):
        overrides.check_types(compose_root("train", words), words)


def test_check_config_resolves_nothing_in_place() -> None:
    cfg = compose_root("train", ["scale=smoke"])
    checks.check_config(cfg)
    assert OmegaConf.is_interpolation(cfg, "size")


@pytest.mark.parametrize("word", ["average.decay=1", "average.decay=null", "trainer.devices=auto", "paths.runs=2024"])
def test_a_fitting_override_passes(word: str, root: Callable[[Any], None]) -> None:
    root(lambda cfg: 1.0)
    assert execute("train", [word]) == Outcome(0, 1.0)


METRIC = {
    "psnr": {"_target_": "henkan.metrics.psnr.PSNR", "better": "higher"},
    "kid": {"_target_": "henkan.metrics.lite0.KIDLite0", "better": "lower"},
    "gradient": {"_target_": "henkan.metrics.psnr.PSNR", "better": None},
}


@pytest.mark.parametrize(
    ("objective", "direction", "expected"),
    [
        ("val/psnr", None, None),
        ("val/psnr", "maximize", None),
        ("val/psnr", "Direction.maximize", None),
        ("loss/generator", "minimize", None),
        (["val/psnr", "val/gradient"], ["maximize", "minimize"], None),
        ("psnr", None, "no run logs psnr .did you mean 'val/psnr'"),
        ("test/psnr", None, "no run logs test/psnr"),
        ("val/kid", None, "no run logs val/kid: validation takes no scores of a whole set"),
        ("val/psnr", "minimize", "val/psnr is better higher: say hydra.sweeper.direction=maximize, not minimize"),
        (["val/psnr", "val/gradient"], "maximize", "is 2 and hydra.sweeper.direction=maximize is 1"),
    ],
)
def test_what_a_sweeper_goes_by_is_logged_and_gets_better(
    objective: str | list[str], direction: str | list[str] | None, expected: str | None
) -> None:
    cfg = OmegaConf.create({"objective": objective, "metric": METRIC, "direction": direction})
    with nullcontext() if expected is None else pytest.raises(UserError, match=expected):
        objectives.check_returned(cfg.objective, cfg.metric, cfg.direction)
