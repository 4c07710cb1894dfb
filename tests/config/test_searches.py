"""What search.yaml says, and what of it is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from henkan.config.searches import Choice, Range, objectives, overrides_at, probes, read_search, space
from henkan.errors import UserError

SEARCH: dict[str, Any] = {
    "recipe": "glcic",
    "scale": "smoke",
    "overrides": ["data=openmoji"],
    "trials": 6,
    "space": {
        "weights.adversarial": {"low": 1e-4, "high": 0.1, "log": True, "when": {"kind": ["gan"]}},
        "kind": {"choices": {"mse": ["loss=[mse]"], "gan": ["loss=[mse,adversarial]"]}},
        "batch_size": {"low": 2, "high": 8, "step": 2},
        "average.decay": [0.9, None],
    },
    "objectives": {"val/psnr": "maximize", "l1": None},
}


def written(tmp_path: Path, **entries: Any) -> str:
    folder = tmp_path / "alpha"
    folder.mkdir(exist_ok=True)
    (folder / "search.yaml").write_text(yaml.safe_dump(SEARCH | entries, sort_keys=False))
    return str(folder)


def test_what_is_said(tmp_path: Path) -> None:
    read = read_search(written(tmp_path), ["jobs=2", "pruner=median", "logger=csv", "space.average.decay=null"])
    assert (read.name, read.trials, read.jobs, read.pruner, read.given) == (
        "alpha",
        6,
        2,
        {"name": "median"},
        ["logger=csv"],
    )
    assert read.objectives == {"val/psnr": "maximize", "val/l1": None}
    # What depends on another one stands behind it.
    assert list(read.space) == ["kind", "weights.adversarial", "batch_size"]
    assert read.space["batch_size"] == Range("batch_size", 2, 8, step=2)
    assert read.run(["batch_size=4"]) == [
        "experiment=glcic",
        "scale=smoke",
        "data=openmoji",
        "batch_size=4",
        "seed=0",
        "study=alpha",
        "logger=csv",
        "evaluation.split=null",
    ]


def test_a_dimension_has_a_value_only_under_its_condition() -> None:
    made = space("space", SEARCH["space"])
    weight = made["weights.adversarial"]
    assert [weight.applies({"kind": kind}) for kind in ("mse", "gan")] == [False, True]
    assert not weight.applies({})
    point = {"kind": "gan", "weights.adversarial": 0.00314159, "batch_size": 4, "average.decay": "null"}
    assert overrides_at(made, point) == [
        "loss=[mse,adversarial]",
        "weights.adversarial=0.003142",
        "batch_size=4",
        "average.decay=null",
    ]


def test_numbers_are_short_and_stay_in_their_range() -> None:
    third = Range("x", 1 / 3, 2 / 3)
    assert [third.rounded(value) for value in (1 / 3, 0.5, 2 / 3)] == [1 / 3, 0.5, 2 / 3]
    assert Range("x", 1e-8, 1.0, log=True).overrides(1.23456e-7) == ["x=1.235e-07"]


def test_few_points_have_every_value() -> None:
    made = space("space", SEARCH["space"])
    points = list(probes(made))
    assert len(points) <= 3
    for name, dimension in made.items():
        assert {point[name] for point in points if name in point} == set(dimension.ends())
    assert all(made["weights.adversarial"].applies(point) == ("weights.adversarial" in point) for point in points)


def test_a_choice_is_met_where_two_conditions_leave_it() -> None:
    node = {
        "kind": ["mse", "gan", "wgan"],
        "child": {"choices": ["x", "y"], "when": {"kind": ["wgan", "gan"]}},
        "grand": {"choices": ["p", "q"], "when": {"child": ["x"], "kind": ["gan"]}},
    }
    met = {point["grand"] for point in probes(space("space", node)) if "grand" in point}
    assert met == {"p", "q"}


def test_conditions_that_exclude_each_other_come_to_an_end() -> None:
    node = {"a": ["x", "y"], "b": {"choices": ["u"], "when": {"a": "x"}}}
    made = space("space", {**node, "c": {"low": 0, "high": 1, "when": {"a": ["y"], "b": ["u"]}}})
    assert not any("c" in point for point in probes(made))


def test_choices_are_values_or_overrides() -> None:
    made = space("space", {"loss": [["mse"], ["mse", "adversarial"]], "x": [True, None, 1.5]})
    assert made["loss"] == Choice("loss", {"[mse]": ["loss=[mse]"], "[mse,adversarial]": ["loss=[mse,adversarial]"]})
    assert made["x"].ends() == ["true", "null", "1.5"]


def test_objectives_are_a_list_or_a_mapping() -> None:
    assert objectives("objectives", ["psnr", "val/l1"]) == {"val/psnr": None, "val/l1": None}
    for goal in (["maximize"], {"goal": "maximize"}):
        with pytest.raises(UserError, match="objectives.val/psnr=.* must be maximize or minimize"):
            objectives("objectives", {"val/psnr": goal})


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"trails": 3}, r"a search has no setting 'trails' \(did you mean 'trials'\?\)"),
        ({"trials": None}, "does not say trials"),
        ({"trials": 0}, "trials=0 must be a whole number, 1 or more"),
        ({"space": {"x": {"low": 1.0, "high": 0.5}}}, "space.x: low=1.0 is above high=0.5"),
        ({"space": {"x": {"low": 0, "high": 1.0, "log": True}}}, "low=0 has no logarithm"),
        ({"space": {"x": {"low": 0, "hihg": 1}}}, "space.x must be a list of choices"),
        ({"space": {"x": {"low": 0, "high": 1, "stpe": 1}}}, "space.x has no setting 'stpe' .did you mean 'step'"),
        ({"space": {"x": {"low": 0, "high": 1, "step": 2}}}, "step=2 must lie between 0 and 1"),
        ({"space": {"x": {"low": 0, "high": "one"}}}, "space.x.high=one must be a number"),
        ({"space": {"x": {"low": 0, "high": 1, "log": "yes"}}}, "space.x.log=yes must be true or false"),
        ({"space": {"x": [1, 1]}}, "must have each choice once"),
        ({"space": {"x": [{}]}}, "is no value that a choice can have"),
        ({"space": {"x": {"choices": {True: []}}}}, "space.x.choices: YAML reads a name as true"),
        ({"space": {"status": {"choices": {"p": []}}}}, "trials.csv has a column of this name"),
        ({"space": {"x": None}}, "space has no dimension left"),
        ({"space": {"x": {"choices": [1], "when": {"loss": ["gan"]}}}}, "there is no dimension 'loss'"),
        ({"space": {"a": ["u", "v"], "x": {"choices": [1], "when": {"a": "w"}}}}, "'w' is none of"),
        ({"space": {"a": {"low": 0, "high": 1}, "x": {"choices": [1], "when": {"a": 0}}}}, "it is a range"),
        (
            {"space": {"a": {"choices": [1], "when": {"b": 1}}, "b": {"choices": [1], "when": {"a": 1}}}},
            "space: a and b depend on each other",
        ),
        ({"space": {"seed": [0, 1]}}, "space.seed: a search gives each of its runs its seed"),
        ({"space": {"evaluation.split": ["val"]}}, "the test is not looked at"),
        ({"space": {"x": {"choices": {"a": ["evaluation.split=test"]}}}}, "evaluation.split: a search gives each"),
        ({"overrides": ["evaluation.split=test"]}, "the test is not looked at"),
        ({"objectives": []}, "objectives must be a list of scores"),
        ({"objectives": ["psnr", "psnr"]}, "each once"),
        ({"objectives": {"psnr": "up"}}, "objectives.psnr=up must be maximize or minimize"),
        ({"pruner": 3}, "pruner must be a name"),
        ({"storage": "${oc.env:NOT_THERE}"}, "storage: .*'NOT_THERE' not found"),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path: Path, entries: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_search(written(tmp_path, **entries), [])
    assert "\n" not in str(caught.value)


def test_the_command_line_is_refused_as_well(tmp_path: Path) -> None:
    for word in ("evaluation.split=test", "seeds=[0]", "loger=csv", "objective=val/psnr"):
        with pytest.raises(UserError):
            read_search(written(tmp_path), [word])
    with pytest.raises(UserError, match="loss=.l1.: the search varies it; space.kind=null leaves that out"):
        read_search(written(tmp_path), ["loss=[l1]"])
    with pytest.raises(UserError, match="there is no search 'beta'"):
        read_search("beta", [])


def test_an_address_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIALS", "sqlite:///trials.db")
    assert read_search(written(tmp_path, storage="${oc.env:TRIALS}"), []).storage == "sqlite:///trials.db"


def test_no_two_steps_are_one_value() -> None:
    steps = Range("a", 1000.0, 2000.0, log=False, step=0.5)
    assert [steps.rounded(value) for value in (1000.0, 1000.5, 1001.0, 1999.5)] == [1000.0, 1000.5, 1001.0, 1999.5]
    assert Range("a", 0.1, 1.0, log=False, step=0.1).rounded(0.30000000000000004) == 0.3
