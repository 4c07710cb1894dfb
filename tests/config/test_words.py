"""Words of a command line: what an agent writes as `--key=value` is an override, a real flag is not."""

from __future__ import annotations

import pytest
from hydra._internal.utils import get_args_parser

from henkan.config.words import FLAGS, as_overrides, split


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--weights.adversarial=0.1", "--seed=3"], ["weights.adversarial=0.1", "seed=3"]),
        (["--loss=[mse,adversarial]", "--data.path=a=b"], ["loss=[mse,adversarial]", "data.path=a=b"]),
        (["--init=None"], ["init=null"]),
        (["--overrides=variant='a b' loss=[mse, hinge]", "seed=0"], ["variant='a b'", "loss=[mse, hinge]", "seed=0"]),
        (["overrides=variant=mse"], ["variant=mse"]),
        *[([word], [word]) for word in ("-m", "--multirun", "--help", "--cfg", "--resolve", "seed=--x=1", "--=1")],
        *[([word], [word]) for word in ("--cfg=job", "--config-dir=conf", "--info=all", "+a=1", "~b", "---x=1")],
    ],
)
def test_an_agents_form_is_an_override(words: list[str], expected: list[str]) -> None:
    assert as_overrides(words) == expected


def test_the_flags_are_hydras() -> None:
    options = [action for action in get_args_parser()._actions if action.nargs != 0]
    known = {name.removeprefix("--") for action in options for name in action.option_strings if name.startswith("--")}
    assert set(FLAGS) == known


def test_a_variant_is_split_at_spaces_that_stand_free() -> None:
    text = "variant='it\\'s one' point={a.b:1,c:'x y'} loss=[mse, adversarial] x=\"p q\" data=openmoji"
    assert split(text) == [
        "variant='it\\'s one'", "point={a.b:1,c:'x y'}", "loss=[mse, adversarial]", 'x="p q"', "data=openmoji"
    ]  # fmt: skip
