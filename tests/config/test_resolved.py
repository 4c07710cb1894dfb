"""The types of a resolved config say what the config tree holds."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any

import pytest

from henkan.config.composition import compose_root
from henkan.config.resolved import Config, resolved
from henkan.config.signatures import fits


def disagreements(content: Mapping[str, Any], kind: type, path: str = "") -> list[str]:
    """Return what a mapping lacks of a TypedDict, and what is of another type there."""
    found = []
    for key, hint in typing.get_type_hints(kind, include_extras=True).items():
        needed = typing.get_origin(hint) is not typing.NotRequired
        if not needed:
            (hint,) = typing.get_args(hint)
        if key not in content:
            found += [f"{path}{key} is absent"] if needed else []
            continue
        value, arguments = content[key], typing.get_args(hint)
        if typing.is_typeddict(hint):
            found += disagreements(value, hint, f"{path}{key}.")
        elif arguments and typing.is_typeddict(arguments[-1]) and typing.get_origin(hint) is dict:
            for name, one in value.items():
                found += disagreements(one, arguments[-1], f"{path}{key}.{name}.")
        elif not fits(value, hint) or (value is None and type(None) not in arguments):
            found.append(f"{path}{key}={value!r} is no {hint}")
    return found


@pytest.mark.parametrize("recipe", ["glcic", "lama", "adversarial_augmentation_2018", "let_there_be_color"])
def test_recipes_are_what_the_types_say(recipe: str) -> None:
    words = [f"experiment={recipe}", "scale=smoke", "trainer.precision=32-true"]
    for name in ("unpaired_source", "unpaired_target"):
        words += [f"data@streams.{name}.data=line_folder", f"streams.{name}.data.path=/x"] if "2018" in recipe else []
    assert disagreements(resolved(compose_root("train", words)), Config) == []


def test_what_disagrees_is_found() -> None:
    config: Any = resolved(compose_root("train", ["scale=smoke"]))
    config["trainer"]["log_every"] = "often"
    config["schedule"]["joint"].pop("update")
    config["seed"] = None
    del config["init"]
    found = disagreements(config, Config)
    # auto: not decided yet.
    assert [line.split(" ")[0] for line in found if "precision" not in line] == [
        "seed=None",
        "init",
        "trainer.log_every='often'",
        "schedule.joint.update",
    ]


def test_nothing_of_hydra_and_no_interpolation_is_left() -> None:
    config = resolved(compose_root("train", ["scale=smoke"]))
    assert "hydra" not in config
    assert "${" not in str(config)
