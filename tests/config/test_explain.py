"""What was wrong with a command, in one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from henkan.config.explain import explain, suggestion
from henkan.launching.execute import execute


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["sede=1"], "no key 'sede' (did you mean 'seed'?)"),
        (["validation.evry=1"], "(did you mean 'validation.every'?)"),
        (["lr=1"], "'optimizer.generator.lr'"),
        (["experimnt=glcic"], "(did you mean 'experiment'?)"),
        (["experiment=glcix"], "no experiment=glcix (did you mean 'glcic'?)"),
        (["loss=[mse,adversaril]"], "no loss=adversaril (did you mean 'adversarial'?)"),
        (["seed=1,2"], "add -m"),
        (["loss=[mse"], "cannot read 'loss=[mse'"),
        (["seed=abc"], "seed=abc does not fit: it takes a whole number"),
        (["seed=1.5"], "it takes a whole number"),
        (["average.decay=[1]"], "average.decay=[1] does not fit: it takes a number"),
        (["rerun=3"], "it takes a truth value"),
        (["optimizer=3"], "Config group override must be a string"),
        (["screen=null"], "screen=null: an option of screen, not a value, is chosen so; ~screen chooses none"),
    ],
)
def test_a_wrong_override_is_named_with_the_nearest_right_one(
    words: list[str], expected: str, root: Callable[[Any], None], capsys: pytest.CaptureFixture[str]
) -> None:
    root(lambda cfg: pytest.fail("must not get as far"))
    assert execute("train", words).code == 2
    (printed,) = capsys.readouterr().err.splitlines()
    assert expected in printed


def test_the_nearest_word_is_suggested_or_none() -> None:
    assert suggestion("widht", ["width", "depth"]) == " (did you mean 'width'?)"
    assert suggestion("qqq", ["width", "depth"]) == ""


def test_an_unknown_error_is_not_explained() -> None:
    assert explain(KeyError("x"), "train", []) == (None, 1)
