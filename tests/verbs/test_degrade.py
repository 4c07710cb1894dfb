"""Training data made in reverse, on disk: the same whoever writes it, and the same as on the fly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from omegaconf import DictConfig

from henkan.config.build import build
from henkan.config.history import timeless
from henkan.data.degraded import Degraded
from henkan.data.stream import EvaluationSet, collate
from henkan.degradations.identity import Identity
from henkan.errors import UserError
from henkan.launching.execute import execute
from henkan.runs.plan import plan_run
from henkan.sample import to_float
from henkan.scoring.evaluation_set import evaluation_set
from henkan.training.assemble import build_transform, training_streams

Compose = Callable[..., DictConfig]
COUNT = 11


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawings as strokes in all three splits."""
    root = tmp_path_factory.mktemp("svg")
    rng = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 2), ("test", 3)):
        (root / split).mkdir()
        for number in range(count):
            lines = "".join(
                '<path d="M{},{} Q{},{} {},{}" fill="none" stroke="#000"/>'.format(*rng.integers(4, 68, 6))
                for _ in range(4)
            )
            svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="72" height="72">{lines}</svg>'
            (root / split / f"{number}.svg").write_text(svg)
    return root


def words(folder: Path, *more: str) -> list[str]:
    return [
        *("scale=smoke", "data=svg_folder", f"data.path={folder}", f"paths.cache={folder / '.cache'}"),
        *("augmentation=turn_crop", "degradation=pencil_heavy", "statistics.mean=[0.9]"),
        *more,
    ]


def degrade(folder: Path, output: Path, *more: str) -> int:
    return execute("degrade", words(folder, f"count={COUNT}", "shard=4", "sheet=6", f"output={output}", *more)).code


def contents(output: Path) -> dict[str, bytes]:
    left_out = ("dataset.json", "sheet.png")
    return {
        str(path.relative_to(output)): path.read_bytes()
        for path in sorted(output.rglob("*"))
        if path.is_file() and path.name not in left_out
    }


@pytest.mark.filterwarnings("error:This DataLoader will create")
@pytest.mark.parametrize("format", ["files", "tar"])
def test_what_is_written_does_not_depend_on_workers_or_interruptions(folder: Path, tmp_path: Path, format: str) -> None:
    for workers in (0, 3):
        assert degrade(folder, tmp_path / str(workers), f"workers={workers}", f"format={format}") == 0
    alone = contents(tmp_path / "0")
    assert contents(tmp_path / "3") == alone and len(alone) > 5
    # Killed in the middle: some chunks are not there, and one is half there.
    (tmp_path / "3" / "manifest" / "train-0000004.jsonl").unlink()
    (tmp_path / "3" / "manifest" / "test-0000000.jsonl").unlink()
    half = next(
        path for path in (tmp_path / "3").rglob("*") if path.suffix in (".tar", ".png") and "train" in str(path)
    )
    half.write_bytes(b"half")
    (tmp_path / "3" / "manifest" / "train-0000000.jsonl").unlink()
    assert degrade(folder, tmp_path / "3", "workers=1", f"format={format}") == 0
    assert contents(tmp_path / "3") == alone


@pytest.mark.parametrize("format", ["files", "tar"])
def test_training_from_disk_sees_what_it_would_have_seen_on_the_fly(
    folder: Path, tmp_path: Path, composed: Compose, format: str
) -> None:
    assert degrade(folder, tmp_path / "pairs", "workers=0", f"format={format}") == 0
    lines = ["experiment=sketch_simplification_2016", f"paths.runs={tmp_path / 'runs'}"]
    fly = plan_run(composed([*lines, *words(folder)]))
    disk = plan_run(composed([*lines, "scale=smoke", "data=degraded", f"data.path={tmp_path / 'pairs'}"]))
    batches = []
    for plan in (fly, disk):
        stream = training_streams(plan)["paired"]
        batches.append(build_transform(plan.config).prepare(collate([stream["generator", k] for k in range(COUNT)])))
    for key in ("source", "target", "window", "window_real"):
        assert torch.equal(batches[0][key], batches[1][key]), key
    assert batches[0]["source"].shape == (COUNT, 1, 32, 32)


def test_other_splits_are_those_of_an_evaluation(folder: Path, tmp_path: Path, composed: Compose) -> None:
    assert degrade(folder, tmp_path / "pairs") == 0
    data = Degraded(tmp_path / "pairs")
    assert [len(data.names(split)) for split in ("train", "val", "test")] == [COUNT, 2, 3]
    sample = to_float(collate([EvaluationSet(data, "test", None, Identity(), 0)[1]]))
    assert sample["source"].shape == sample["target"].shape == (1, 1, 48, 48)
    assert not torch.equal(sample["source"], sample["target"])


def test_the_manifest_says_everything_that_was_drawn(folder: Path, tmp_path: Path) -> None:
    assert degrade(folder, tmp_path / "pairs") == 0
    rows = [json.loads(line) for line in (tmp_path / "pairs" / "manifest.jsonl").read_text().splitlines()]
    assert len(rows) == COUNT + 2 + 3
    first = rows[0]
    assert first["picture"].startswith("train/") and len(first["hash"]) == 32
    assert 2 <= first["drawn"]["hand.redraw"]["passes"] <= 4
    # A drawing with strokes is not traced.
    assert first["drawn"]["trace.copies"] is None and first["drawn"]["page.grain"]["strength"] > 0
    same = {row["hash"] for row in rows if row["picture"] == first["picture"]}
    assert len(same) == 1 < len({row["hash"] for row in rows})
    facts = json.loads((tmp_path / "pairs" / "dataset.json").read_text())
    assert facts["counts"] == {"train": COUNT, "val": 2, "test": 3} and "torch" in facts["versions"]
    sheet = cv2.imread(str(tmp_path / "pairs" / "sheet.png"))
    assert sheet is not None and sheet.shape[0] > 64


def test_the_manifest_of_a_reversed_degradation_says_what_was_drawn_too(folder: Path, tmp_path: Path) -> None:
    swapped = ("degradation=reversed", "degradation@degradation.of=pencil_heavy", "splits=[train]")
    assert degrade(folder, tmp_path / "pairs", *swapped) == 0
    assert degrade(folder, tmp_path / "straight", "splits=[train]") == 0
    drawn = [
        [json.loads(line)["drawn"] for line in (tmp_path / name / "manifest.jsonl").read_text().splitlines()]
        for name in ("pairs", "straight")
    ]
    assert drawn[0] == drawn[1] and drawn[0][0]["page.grain"]["strength"] > 0
    name = Degraded(tmp_path / "pairs").names("train")[0]
    pairs, straight = Degraded(tmp_path / "pairs"), Degraded(tmp_path / "straight")
    assert np.array_equal(pairs.picture(name), straight.companions(name)["source"])


def test_holes_are_written_with_their_masks_and_windows(pictures: Path, tmp_path: Path) -> None:
    given = ["scale=smoke", "data=image_folder", f"data.path={pictures}", f"paths.cache={tmp_path / 'cache'}"]
    given += ["degradation=rectangle", "splits=[train]", "count=3", f"output={tmp_path / 'pairs'}", "format=tar"]
    assert execute("degrade", given).code == 0
    data = Degraded(tmp_path / "pairs")
    name = data.names("train")[1]
    mask = data.companions(name)["mask"]
    assert set(np.unique(mask)) == {0, 1}
    facts = data.facts_of(name)
    top, left = np.argwhere(mask[..., 0])[0]
    assert facts["kind"] == "rectangle" and facts["area"] == pytest.approx(mask.mean())
    assert top <= facts["window"][0] and left <= facts["window"][1]


def test_pairs_on_disk_are_pairs_for_a_paired_folder_too(folder: Path, tmp_path: Path, composed: Compose) -> None:
    assert degrade(folder, tmp_path / "pairs") == 0
    given = ["scale=smoke", "data=paired_lines", f"data.path={tmp_path / 'pairs'}", "degradation=none"]
    plan = plan_run(composed(["experiment=sketch_simplification_2016", *given, f"paths.cache={tmp_path / 'cache'}"]))
    item = training_streams(plan)["paired"]["generator", 0]
    assert item["source"].shape == item["target"].shape == (1, 32, 32)


def told(capsys: Any) -> str:
    return str(capsys.readouterr().err)


def test_what_it_refuses(folder: Path, tmp_path: Path, capsys: Any) -> None:
    assert degrade(folder, tmp_path / "pairs", "splits=[train]") == 0
    capsys.readouterr()
    assert degrade(folder, tmp_path / "pairs", "splits=[train]", "degradation.error=2.0") == 2
    assert "holds samples of other settings" in told(capsys)
    assert degrade(folder, folder) == 2
    assert "is not empty" in told(capsys)
    assert degrade(folder, tmp_path / "other", "format=zip") == 2
    assert "files, tar" in told(capsys)
    assert degrade(folder, tmp_path / "other", "count=0") == 2
    assert "must be a whole number, 1 or more" in told(capsys)
    for word, complaint in (
        ("sheet=0", "must be a whole number, 1 or more"),
        ("workers=-1", "must be a whole number, 0 or more"),
        ("splits=[trian]", "must name some of train, val, test"),
        ("splits=[]", "must name some of train, val, test"),
        ("degradation.error=-1.0", "must be 0 or more"),
        ("clean=1.5", "clean=1.5 in [0, 1]"),
    ):
        assert degrade(folder, tmp_path / "other", word) == 2
        assert complaint in told(capsys)


def test_what_cannot_be_read_back(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="was not written by henkan degrade"):
        Degraded(tmp_path)
    assert degrade(folder, tmp_path / "pairs", "splits=[train]") == 0
    data = Degraded(tmp_path / "pairs")
    (tmp_path / "pairs" / "source" / "train" / "0000003.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match="cannot be decoded"):
        data.companions("train/0000003")
    (tmp_path / "pairs" / "manifest" / "train-0000008.jsonl").unlink()
    with pytest.raises(UserError, match="is not complete"):
        Degraded(tmp_path / "pairs")


def test_more_samples_are_added_to_those_that_are_there(folder: Path, tmp_path: Path) -> None:
    assert degrade(folder, tmp_path / "pairs", "splits=[train]") == 0
    before = contents(tmp_path / "pairs")
    given = words(folder, "count=14", "shard=4", "sheet=6", "splits=[train]", f"output={tmp_path / 'pairs'}")
    assert execute("degrade", given).code == 0
    after = contents(tmp_path / "pairs")
    assert all(after[name] == content for name, content in before.items() if name.endswith(".png"))
    assert len(Degraded(tmp_path / "pairs").names("train")) == 14


@pytest.mark.parametrize("format", ["files", "tar"])
def test_colors_on_disk_are_those_on_the_fly(pictures: Path, tmp_path: Path, composed: Compose, format: str) -> None:
    """A source of one channel and strokes of three come back as they were drawn."""
    words = ["scale=smoke", "data=image_folder", f"data.path={pictures}", f"paths.cache={tmp_path / 'cache'}"]
    for degradation, layers in (("grey", {"source"}), ("scribble", {"source", "strokes"}), ("bicubic", {"source"})):
        out = tmp_path / degradation
        written = [*words, f"degradation={degradation}", "count=3", "splits=[train]", f"format={format}", "workers=1"]
        assert execute("degrade", [*written, f"output={out}"]).code == 0
        data, cfg = Degraded(out), composed([*words, f"degradation={degradation}"])
        plan = plan_run(cfg)
        stream = training_streams(plan)["paired"]
        sample = build_transform(plan.config).prepare(collate([stream["generator", k] for k in range(3)]))
        for k, name in enumerate(data.names("train")):
            companions = data.companions(name)
            assert companions.keys() == layers
            for layer, pixels in (*companions.items(), ("target", data.picture(name))):
                expected = sample[layer][k].mul(255).round().byte().permute(1, 2, 0).numpy()
                assert np.array_equal(pixels, expected), (degradation, layer)
        assert (out / "sheet.png").is_file()


def test_what_files_cannot_hold_is_refused(pictures: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["scale=smoke", "data=image_folder", f"data.path={pictures}", f"paths.cache={tmp_path / 'cache'}"]
    assert (
        execute("degrade", [*words, "degradation=hints", "count=2", "workers=1", f"output={tmp_path / 'x'}"]).code == 2
    )
    assert "hints and hint_mask would not fit 8-bit files" in capfd.readouterr().err


def test_what_samples_on_disk_cannot_follow_is_refused(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert degrade(folder, tmp_path / "pairs") == 0
    words = ["experiment=sketch_simplification_2016", "scale=smoke", "data=degraded", f"data.path={tmp_path / 'pairs'}"]
    words += ["logger=none", f"paths.runs={tmp_path / 'runs'}", "statistics.mean=[0.9]", "statistics.deviation=0.1"]
    for word in ("degradation=ballpoint", "clean=0.5", "degradation@evaluation.degradation=ballpoint"):
        capfd.readouterr()
        assert execute("train", [*words, word]).code == 2
        assert f"{word} can change nothing" in capfd.readouterr().err
    capfd.readouterr()
    assert execute("train", [*words, "experiment=let_there_be_color"]).code == 2
    assert "gives grey drawings, and channels=3 is about color pictures" in capfd.readouterr().err


def test_what_is_scored_is_written_as_it_is_scored(folder: Path, tmp_path: Path) -> None:
    assert degrade(folder, tmp_path / "pairs", "degradation@evaluation.degradation=none") == 0
    data = Degraded(tmp_path / "pairs")
    same = {
        split: [np.array_equal(data.picture(name), data.companions(name)["source"]) for name in data.names(split)]
        for split in ("train", "test")
    }
    assert all(same["test"]) and not any(same["train"])


def test_large_jpegs_on_disk_are_those_on_the_fly(tmp_path: Path, composed: Compose) -> None:
    """They are read smaller, in training and validation, and whole where they are scored."""
    for split, count in (("train", 2), ("val", 2), ("test", 2)):
        (tmp_path / "own" / split).mkdir(parents=True)
        for number in range(count):
            noise = np.random.default_rng(number).integers(0, 256, (12, 15, 3), np.uint8)
            large = cv2.resize(noise, (600, 480), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(tmp_path / "own" / split / f"{number}.jpg"), large)
    words = ["scale=smoke", "data=image_folder", f"data.path={tmp_path / 'own'}", f"paths.cache={tmp_path / 'cache'}"]
    words += ["degradation=grey", "augmentation@validation.framing=center"]
    assert execute("degrade", [*words, "count=3", "workers=0", f"output={tmp_path / 'out'}"]).code == 0
    plan, data = plan_run(composed(words)), Degraded(tmp_path / "out")
    stream, validation = training_streams(plan)["paired"], plan.config["validation"]["framing"]
    held = evaluation_set(plan.config, plan.pictures, "val", validation, reduced=True)
    test = evaluation_set(plan.config, plan.pictures, "test", plan.config["evaluation"]["framing"])
    for k in range(2):
        fly = {"train": stream["generator", k], "val": held[k], "test": test[k]}
        for split, sample in fly.items():
            name = data.names(split)[k]  # type: ignore[arg-type]
            assert np.array_equal(data.picture(name), sample["target"].transpose(1, 2, 0)), split
    whole = evaluation_set(plan.config, plan.pictures, "val", validation)[0]["target"]
    assert not np.array_equal(whole, held[0]["target"])


def test_what_a_killed_process_left_is_swept_away(folder: Path, tmp_path: Path) -> None:
    assert degrade(folder, tmp_path / "pairs", "splits=[train]") == 0
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = tmp_path / "pairs" / "source" / "train" / f".0000001.png.{gone.pid}"
    mine = left.with_name(f".0000001.png.{os.getpid()}")
    left.write_bytes(b"half")
    mine.write_bytes(b"being written")
    assert degrade(folder, tmp_path / "pairs", "splits=[train]") == 0
    assert not left.exists() and mine.exists()


def test_a_screen_makes_other_samples(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    grey = tmp_path / "own" / "train"
    grey.mkdir(parents=True)
    for name, color in (("a", (200, 30, 30)), ("b", (90, 90, 90)), ("c", (10, 10, 10))):
        pixels = np.full((40, 48, 3), 100, np.uint8)
        pixels[:, 24:] = color
        cv2.imwrite(str(grey / f"{name}.png"), pixels)
    given = ["scale=smoke", "data=image_folder", f"data.path={grey.parent}", "degradation=rectangle", "splits=[train]"]
    given += ["count=6", "sheet=2", "workers=0", f"paths.cache={tmp_path / 'cache'}", f"output={tmp_path / 'out'}"]
    assert execute("degrade", [*given, "screen=near_grey"]).code == 0
    rows = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()]
    assert len(rows) == 6 and all("train/a.png" in row.values() for row in rows)
    capfd.readouterr()
    assert execute("degrade", given).code == 2
    assert "holds samples of other settings" in capfd.readouterr().err


def test_holes_on_disk_have_the_color_that_a_person_s_are_shown_in(
    pictures: Path, tmp_path: Path, composed: Compose
) -> None:
    words = [
        "scale=smoke",
        "data=image_folder",
        f"data.path={pictures}",
        "degradation=rectangle",
        "statistics.mean=[0.2,0.4,0.6]",
    ]
    assert execute("degrade", [*words, "count=4", f"output={tmp_path / 'pairs'}", f"paths.cache={tmp_path}"]).code == 0
    disk = ["scale=smoke", "data=degraded", f"data.path={tmp_path / 'pairs'}", "experiment=glcic", "generator=unet"]
    plan = plan_run(composed(disk))
    assert plan.config["degradation"]["fill"] == [0.2, 0.4, 0.6]
    # It is a fact of the data, whose hash is in the identity already: runs of before it was noted are the same.
    without = {**plan.config, "degradation": {"_target_": plan.config["degradation"]["_target_"]}}
    assert timeless(plan.config) == timeless(without)
    sample = {"target": torch.rand(1, 3, 4, 4), "mask": torch.ones(1, 1, 4, 4)}
    seen = build(plan.config["degradation"]).apply(sample)["source"]
    assert torch.allclose(seen, torch.tensor([0.2, 0.4, 0.6]).view(1, 3, 1, 1).expand_as(seen))
