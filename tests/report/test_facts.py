"""What a page says beside scores: what sets runs apart, what they share, what they cost, where they ran."""

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_report import MakeStudy, read

from henkan.report.facts import common, cost, differences, environment
from henkan.report.read import read_study
from henkan.report.run import Run
from henkan.report.study import Study
from henkan.report.write import write_report


def test_what_sets_configurations_apart_is_said_once(make_study: MakeStudy) -> None:
    nodes = {
        f"{variant} {place} {value}": {
            "variant": variant,
            "point": {"pictures": place, "weights.adversarial": f"adversarial={value}"},
            "overrides": [f"loss=[{variant}]", "size=64", f"data={place}", f"weights.adversarial={value}"],
        }
        for variant in ("mse", "gan") for place in ("drawings", "photographs") for value in ("0.1", "1")
    }  # fmt: skip
    folder = make_study(iterations=60, done=0, configurations=nodes, overrides=["scheduler=cosine"])
    assert differences(read_study(folder)) == [
        ("every run", ["scheduler=cosine", "size=64"]),
        ("mse", ["loss=[mse]"]),
        ("gan", ["loss=[gan]"]),
        ("weights.adversarial", ["0.1", "1"]),
        ("pictures: drawings", ["data=drawings"]),
        ("pictures: photographs", ["data=photographs"]),
    ]
    assert read(write_report(folder)).text.count("loss=[gan]") == 1
    assert common([["a", "b", "c"], ["c", "a"]]) == ["a", "c"] and common([["a"]]) == ["a"]


def test_a_shared_prefix_is_said_and_drawn_once(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60)
    write_report(folder)
    chart = "val_psnr_hole.svg"
    alone = (folder / "figures" / chart).read_text()
    for place in folder.glob("runs/*"):
        seed, _, number = place.name.partition("-")
        # The third has started from nothing that another has.
        prefix = {"iteration": 30, "identity": f"{seed}-{number if number == '2' else 'a'}", "seconds": 360.0}
        path = place / "run.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"prefix": prefix}))
    page = read(write_report(folder)).text
    assert page.count("mse and gan_0.002: 30 iterations, 6 min a seed") == 1
    # Nine lines were drawn; now three of each seed, and one for what two of them share.
    count = {text: text.count("stroke-opacity: 0.8") for text in (alone, (folder / "figures" / chart).read_text())}
    assert list(count.values()) == [9, 12]


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"seconds": 376.0, "iterations": 7000}, "6 min"),
        ({"seconds": 609.0, "iterations": 7200, "prefix": {"seconds": 376.0}}, "10 min (6 min shared)"),
        (
            {"seconds": 609.0, "iterations": 7200, "prefix": {"seconds": 376.0}, "seconds_lost": 50.0},
            "10 min (6 min shared, 50 s lost besides)",
        ),
        ({"seconds": 376.0, "iterations": 7000, "parameters": {"generator": 45_120}}, "6 min, 45 k parameters"),
        (
            {"seconds": 9.0, "iterations": 60, "parameters": {"generator": 1_402_371, "discriminator": 8_300_000}},
            "9 s, 1.4 M parameters (discriminator 8.3 M)",
        ),
        ({"seconds": 376.0, "iterations": 7000, "parameters": {}}, "6 min"),
        ({"seconds": 0.0, "iterations": 0}, "–"),
        ({"iterations": 5}, "–"),
    ],
)
def test_what_training_took(tmp_path: Path, record: dict[str, Any], said: str) -> None:
    assert cost(Run("mse", 0, tmp_path, "done", record)) == said


@pytest.mark.parametrize(
    ("column", "said"), [("memory/peak", "90 s, 3.2 GiB"), ("memory/resident", "90 s, 3.2 GiB of RAM")]
)
def test_the_most_memory_is_told(column: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text(f"iteration,phase,{column}\n1,joint,1.5\n2,joint,3.21\n")
    assert cost(Run("mse", 0, tmp_path, "done", {"seconds": 90, "iterations": 2})) == said


def test_a_page_tells_what_runs_cost(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60)
    assert "parameters" not in read(write_report(folder)).text
    for place in folder.glob("runs/*/run.json"):
        record = json.loads(place.read_text()) | {"parameters": {"generator": 45_120}}
        place.write_text(json.dumps(record))
    assert read(write_report(folder)).text.count("2 min, 45 k parameters") == 9


def test_the_environment_is_that_of_each_run(tmp_path: Path) -> None:
    def node(threads: int, since: int = 0) -> dict[str, Any]:
        return {"since": since, "hardware": {"threads": threads, "cores": 8}, "versions": {"torch": "2.15.0"}}

    records = [
        {"environments": [node(1)], "commit": "abc", "uncommitted": True},
        {"environments": [node(1), node(2, since=60)], "commit": "abc"},
        # Of before there was a list.
        {"hardware": {"threads": 2, "cores": 8}, "versions": {"torch": "2.15.0"}, "commit": "abc"},
        {},
    ]
    runs = [Run("mse", seed, tmp_path / f"r{seed}", "done", record) for seed, record in enumerate(records)]
    study = Study(tmp_path, {"environment": {"hardware": {"threads": 64}}}, runs)
    assert environment(study) == [
        ("hardware.threads", "1 (r0 and r1); 2 (r1 and r2)"),
        ("hardware.cores", "8"),
        ("versions.torch", "2.15.0"),
        ("commit", "abc with uncommitted changes (r0); abc (r1 and r2)"),
    ]
