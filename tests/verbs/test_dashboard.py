"""`henkan dashboard`: the specs that W&B's server would get, and that it gets them, the same two each time."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from wandb_server import ENTITY, Server

from henkan.errors import UserError
from henkan.verbs import sync
from henkan.verbs.dashboard import main

pytest.importorskip("wandb_workspaces", reason="needs the package wandb-workspaces: pip install 'henkan[dashboards]'")


def specs(study: Path, *words: str) -> tuple[dict[str, Any], dict[str, Any]]:
    assert main([str(study), f"paths.runs={study.parent / 'runs'}", *words]) == 0
    folder = max((study.parent / "runs" / "studies").glob("*/dashboard"), key=lambda place: place.stat().st_mtime_ns)
    workspace, report = (json.loads((folder / f"{name}.json").read_text()) for name in ("workspace", "report"))
    return workspace, report


def panels(workspace: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found = workspace["spec"]["section"]["panelBankConfig"]["sections"]
    return {one["name"]: [panel["config"] for panel in one["panels"]] for one in found}


def test_panels_are_grouped_by_variant_with_seeds_as_bands(study: Path) -> None:
    workspace, report = specs(study, "entity=me", "project=emoji")
    assert (workspace["entity"], workspace["project"], workspace["displayName"]) == ("me", "emoji", "tiny_study")
    (runs,) = workspace["spec"]["section"]["runSets"]
    assert [one["name"] for one in runs["grouping"]] == ["variant.value"]
    chosen = [(one["key"], one["op"], one["value"]) for one in runs["filters"]["filters"]]
    assert chosen == [
        ({"section": "config", "name": "study"}, "=", "tiny_study"),
        ({"section": "run", "name": "tags"}, "IN", ["smoke"]),
        ({"section": "config", "name": "variant"}, "IN", ["mse", "weak", "strong"]),
    ]
    found = panels(workspace)
    lines = {
        line["metrics"][0]: line for name in found for line in found[name] if "xAxis" in line and "metrics" in line
    }
    assert list(lines) == [
        "val/psnr_hole", "val/psnr", "loss/mse", "loss/adversarial", "gradient/mse", "gradient/adversarial",
        "gradient/ratio",
        "discriminator/accuracy_real", "discriminator/accuracy_fake", "discriminator/accuracy_held_out",
    ]  # fmt: skip
    for line in lines.values():
        told = (line["xAxis"], line["groupBy"], line["groupAgg"], line["groupArea"])
        assert told == ("iteration", "variant.value", "mean", "stddev")
    assert [bar["metrics"] for bar in found["Scores of the test"][:2]] == [["test/psnr_hole"], ["test/psnr"]]
    assert found["Pictures"][0]["mediaKeys"] == ["validation"]
    blocks = report["spec"]["blocks"]
    assert (report["displayName"], report["project"]["name"]) == ("Tiny", "emoji")
    assert any(block["children"][0].get("text") == "Does it run?" for block in blocks)
    grids = [block["metadata"] for block in blocks if block["type"] == "panel-grid"]
    assert len(grids) == len(found)
    assert all("tiny_study" in json.dumps(grid["runSets"][0]["filters"]) for grid in grids)


def test_axes_group_too_and_without_a_discriminator_there_are_no_panels_of_it(study: Path) -> None:
    axes = "axes.weights.mse=[1.0,2.0]"
    workspace, _ = specs(study, "variants.weak=null", "variants.strong=null", "headline=[l1]", axes)
    found = panels(workspace)
    assert "Discriminator" not in found and len(found["Gradients"]) == 1
    (runs,) = workspace["spec"]["section"]["runSets"]
    assert [one["name"] for one in runs["grouping"]] == ["variant.value", "point.value.weights_mse"]
    assert "groupBy" not in found["Losses"][0] and found["Losses"][0]["groupArea"] == "stddev"


def test_what_it_cannot_do_is_one_line(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="upload=yes: it is true or false"):
        main([str(study), "upload=yes"])
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)
    monkeypatch.delitem(sys.modules, "wandb_workspaces.reports.v2", raising=False)
    monkeypatch.delitem(sys.modules, "wandb_workspaces.reports", raising=False)
    with pytest.raises(UserError, match=r"pip install 'henkan\[dashboards\]'"):
        main([str(study)])


@pytest.mark.slow
def test_the_server_gets_the_same_two_each_time(
    study: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace, report = specs(study, "upload=true")
    assert workspace["entity"] == ENTITY
    views = {**server.variables("UpsertView2")[0]}, {**server.variables("upsertView")[0]}
    assert [view["type"] for view in views] == ["project-view", "runs"]
    assert [json.loads(view["spec"]).keys() for view in views] == [workspace["spec"].keys(), report["spec"].keys()]
    assert sum(line.startswith("http") for line in capsys.readouterr().out.splitlines()) == 2
    specs(study, "upload=true")
    assert [server.variables(name)[1]["id"] for name in ("UpsertView2", "upsertView")] == ["v-project-view", "v-runs"]


@pytest.mark.slow
def test_one_that_was_written_without_a_server_is_uploaded_by_sync(
    study: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace, _ = specs(study)
    assert workspace["entity"] == ""
    runs = study.parent / "runs"
    (runs / "a").mkdir()
    (runs / "a" / "run.json").write_text("{}")
    node = {"folder": "../../a", "status": "done"}
    (runs / "studies" / "tiny_study-smoke" / "study.json").write_text(json.dumps({"runs": [node]}))
    capsys.readouterr()
    assert sync.main([f"paths.runs={runs}", "--dry-run"]) == 0
    assert "tiny_study-smoke: its dashboard is to be uploaded" in capsys.readouterr().out
    assert sync.main(["tiny_study", f"paths.runs={runs}"]) == 0
    assert "tiny_study-smoke: dashboard uploaded http" in capsys.readouterr().out
    assert server.variables("UpsertView2")[0]["entityName"] == ENTITY
    assert sync.main([f"paths.runs={runs}"]) == 0
    assert "nothing is left to upload" in capsys.readouterr().out
    specs(study)
    # The runs are moved, and their dashboard with them.
    runs = runs.rename(study.parent / "moved")
    assert sync.main([f"paths.runs={runs}", "--dry-run"]) == 0
    assert "its dashboard is to be uploaded" in capsys.readouterr().out
    assert sync.main([f"paths.runs={runs}"]) == 0
    assert "dashboard uploaded http" in capsys.readouterr().out
    assert sync.main([f"paths.runs={runs}"]) == 0
    assert "nothing is left to upload" in capsys.readouterr().out
    (runs / "studies" / "tiny_study-smoke" / "dashboard" / "asked.json").write_text('{"study": "gone", "words": []')
    assert sync.main([f"paths.runs={runs}"]) == 0
    assert "tiny_study-smoke: its dashboard was left out: " in capsys.readouterr().out
