"""One run has one identity and one folder, however it is spelled; what gives other weights has another."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from omegaconf import DictConfig

from henkan.config import history
from henkan.errors import UserError
from henkan.launching.execute import execute
from henkan.runs import identity
from henkan.runs.plan import Plan, plan_run
from henkan.runs.run import Run
from henkan.runs.start import starting_point
from henkan.training import checkpoint
from henkan.training.assemble import build_translator
from henkan.verbs import train

Compose = Callable[..., DictConfig]


@pytest.fixture
def plan(tiny: list[str], composed: Compose) -> Callable[..., Plan]:
    return lambda *words: plan_run(composed([*tiny, *words]))


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    (tmp_path / "masks").mkdir()
    hole = np.zeros((40, 48), np.uint8)
    hole[10:20, 10:20] = 255
    cv2.imwrite(str(tmp_path / "masks" / "one.png"), hole)
    return tmp_path / "masks"


def test_spellings_of_one_run(plan: Callable[..., Plan]) -> None:
    plain = plan("weights.adversarial=1")
    for words in (
        ["weights.adversarial=1.0"],
        ["weights.adversarial=1", "loss=[adversarial,mse]"],
        ["weights.adversarial=1", "recipe=mine", "study=mine"],
    ):
        other = plan(*words)
        assert (other.identity, other.prefixes) == (plain.identity, plain.prefixes)
    assert plan("weights.adversarial=1.5").identity != plain.identity


def test_a_run_is_found_whatever_it_was_called(plan: Callable[..., Plan]) -> None:
    assert plan("loss=[adversarial,mse]").folder.name == plan().folder.name
    assert plan().folder.name.startswith("glcic-adversarial+mse-seed0-")
    mine = plan("recipe=mine")
    assert mine.folder.name == f"mine-adversarial+mse-seed0-{mine.identity[:10]}"
    plan().folder.mkdir(parents=True)
    assert mine.folder == plan().folder
    assert plan("recipe=mine", "seed=1").folder.name.startswith("mine-")


def test_the_version_counts(plan: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    def identities() -> set[str]:
        found = plan()
        return {found.identity, found.evaluation, *found.prefixes.values()}

    before = identities()
    assert len(before) == 4
    monkeypatch.setattr(identity, "VERSION", identity.VERSION + 1)
    assert not before & identities()


def test_a_new_option_makes_no_other_run(plan: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    before = plan().identity
    monkeypatch.setattr(history, "INTRODUCED", {**history.INTRODUCED, "scheduler.hold": False, "pace": 1.0})
    assert plan("+scheduler.hold=false", "+pace=1").identity == before
    assert plan("+scheduler.hold=true").identity != before
    assert plan("+pace=2").identity != before


def test_masks_are_known_by_their_contents(plan: Callable[..., Plan], masks: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(masks, moved)
    words = ["degradation=mask_folder", f"degradation.path={masks}"]
    one, other = plan(*words), plan(words[0], f"degradation.path={moved}")
    assert (one.identity, one.evaluation) == (other.identity, other.evaluation)
    assert plan(*words, "degradation.fill=[0,0,0]").identity != one.identity
    scored = ["degradation@evaluation.degradation=mask_folder", f"evaluation.degradation.path={masks}"]
    elsewhere = plan(scored[0], f"evaluation.degradation.path={moved}")
    assert plan(*scored).evaluation == elsewhere.evaluation != plan().evaluation
    cv2.imwrite(str(moved / "one.png"), np.full((40, 48), 255, np.uint8) * np.eye(40, 48, dtype=np.uint8))
    assert plan(words[0], f"degradation.path={moved}").identity != one.identity
    assert plan(scored[0], f"evaluation.degradation.path={moved}").evaluation != elsewhere.evaluation


def painted(path: Path, value: int = 200) -> None:
    """Put another picture in place of one, or add one."""
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), np.full((40, 48, 3), value, np.uint8))


def test_what_is_scored_makes_no_other_run_and_other_scores(
    plan: Callable[..., Plan], pictures: Path, tmp_path: Path
) -> None:
    own = shutil.copytree(pictures, tmp_path / "own")
    words = (f"data.path={own}", "statistics.mean=[0.5,0.5,0.5]")
    before, on_val = plan(*words), plan(*words, "evaluation.split=val").evaluation
    # Mended, added, removed.
    changes = [lambda: painted(own / "test" / "000.png"), lambda: painted(own / "test" / "new.png")]
    scores = {before.evaluation}
    for change in [*changes, (own / "test" / "001.png").unlink]:
        change()
        after = plan(*words)
        assert (after.identity, after.prefixes, after.folder) == (before.identity, before.prefixes, before.folder)
        assert after.evaluation not in scores
        scores.add(after.evaluation)
    assert plan(*words, "evaluation.split=val").evaluation == on_val
    # Curves are of val: it is read in training.
    for split in ("val", "train"):
        painted(own / split / "000.png")
        assert plan(*words).identity not in {before.identity, after.identity}
        after = plan(*words)


def test_a_generator_without_weights_is_known_by_what_it_is_scored_on(
    plan: Callable[..., Plan], pictures: Path, tmp_path: Path
) -> None:
    own = shutil.copytree(pictures, tmp_path / "own")
    words = (f"data.path={own}", "statistics.mean=[0.5,0.5,0.5]", "generator=criminisi")
    before = plan(*words).identity
    painted(own / "train" / "000.png")
    assert plan(*words).identity == before
    painted(own / "test" / "000.png")
    assert plan(*words).identity != before


def test_masks_of_scored_pictures_make_no_other_run(plan: Callable[..., Plan], pictures: Path, tmp_path: Path) -> None:
    own = tmp_path / "masks"
    for path in pictures.rglob("*.png"):
        mask = np.zeros((40, 48), np.uint8)
        mask[10:20, 10:20] = 255
        (own / path.parent.name).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(own / path.parent.name / path.name), mask)
    words = ("degradation=mask_folder_named", f"degradation.path={own}")
    trained, scored = plan(*words).identity, plan(*words).evaluation
    painted(own / "test" / "000.png")
    assert plan(*words).identity == trained and (again := plan(*words).evaluation) != scored
    painted(own / "train" / "000.png")
    assert plan(*words).identity != trained and plan(*words).evaluation == again


def test_a_mended_test_split_is_scored_again_and_not_trained_again(
    tiny: list[str], pictures: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    own = shutil.copytree(pictures, tmp_path / "own")
    words = [*tiny, f"data.path={own}", "statistics.mean=[0.5,0.5,0.5]", "loss=[mse]"]

    def scores() -> tuple[Path, str, float]:
        assert execute("train", words).code == 0
        told = capfd.readouterr()
        folder = Path(told.out.splitlines()[-1])
        return folder, told.err, json.loads((folder / "evaluation.json").read_text())["pictures"]

    folder, _, count = scores()
    weights = checkpoint.hash_weights(checkpoint.load(checkpoint.last(folder)))
    painted(own / "test" / "new.png")
    again, said, more = scores()
    assert again == folder and more == count + 1 == 7
    assert "done already" in said and "has changed" not in said
    assert checkpoint.hash_weights(checkpoint.load(checkpoint.last(folder))) == weights
    written = (folder / "scores.csv").stat().st_mtime_ns
    scores()
    assert (folder / "scores.csv").stat().st_mtime_ns == written


def test_two_devices_count_where_batches_have_statistics(plan: Callable[..., Plan]) -> None:
    without = ["generator.normalization=null", "discriminator.normalization=null"]

    def on(count: int, *words: str) -> Plan:
        return plan("trainer.accelerator=cpu", f"trainer.devices={count}", *words)

    assert len({on(count).identity for count in (1, 2, 3)}) == 3
    assert on(2, *without).identity == on(1, *without).identity
    # Before a discriminator is trained its statistics are nobody's.
    one, two = (on(count, without[0]).prefixes for count in (1, 2))
    assert (one[6] == two[6], one[10] == two[10]) == (True, False)


def test_other_weights_to_start_from_are_known_by_themselves(
    plan: Callable[..., Plan], tmp_path: Path, composed: Compose
) -> None:
    state = {"state_dict": {"generator.a": torch.ones(2, 3), "generator.b": torch.tensor(1.0, dtype=torch.bfloat16)}}
    paths = [tmp_path / f"{name}.ckpt" for name in "xyz"]
    checkpoint.save({**state, "seconds": 1.0}, paths[0])
    checkpoint.save({**state, "seconds": 2.0}, paths[1])
    state["state_dict"]["generator.a"][1, 2] = 2.0
    checkpoint.save({**state, "seconds": 1.0}, paths[2])
    first, second, third = (plan(f"init={path}").identity for path in paths)
    assert first == second != third


def test_what_a_term_reads_from_a_file_counts(
    plan: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out_of_a_file.py").write_text(
        "class Mine:\n"
        "    def __init__(self, file):\n"
        "        self.file = file\n"
        "    def __call__(self, input, target):\n"
        "        return (input - target).abs().flatten(1).mean(1)\n"
        "    def depends_on(self):\n"
        "        return open(self.file).read()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "weights.txt"
    words = [f"+loss.mine={{_target_: out_of_a_file.Mine, file: {file}}}", "+weights.mine=1.0"]
    file.write_text("one")
    first = plan(*words).identity
    assert plan(*words).identity == first
    file.write_text("two")
    assert plan(*words).identity != first


def test_an_evaluation_is_another_on_pictures_of_another_scale_or_read_otherwise(
    composed: Compose, pictures: Path, tmp_path: Path
) -> None:
    def evaluation(*words: str) -> str:
        cfg = composed(["experiment=glcic", "scale=smoke", f"paths.cache={tmp_path}", "generator=unchanged", *words])
        return plan_run(cfg).evaluation

    folder = ("data=image_folder", f"data.path={pictures}")
    found = {evaluation(*folder, f"augmentation.resize={resize}") for resize in ("[32,40]", "[34,40]", "[32,48]")}
    assert len(found) == 3
    pairs = ("data=side_by_side", f"data.path={sides(tmp_path)}", "evaluation.framing=whole", "degradation=none")
    assert evaluation(*pairs, "data.direction=AtoB") != evaluation(*pairs, "data.direction=BtoA")


def sides(folder: Path) -> Path:
    """Write pictures of two halves."""
    for split in ("train", "val", "test"):
        (folder / "sides" / split).mkdir(parents=True)
        for number in range(2):
            picture = np.full((40, 80, 3), 10 * number, np.uint8)
            picture[:, 40:] += 100
            cv2.imwrite(str(folder / "sides" / split / f"{number}.png"), picture)
    return folder / "sides"


def test_weights_that_have_changed_since_the_plan_are_refused(
    plan: Callable[..., Plan], tiny: list[str], composed: Compose, tmp_path: Path
) -> None:
    train.main(composed([*tiny, "loss=[mse]"]))
    (folder,) = (path.parent for path in (tmp_path / "runs").glob("*/run.json"))
    for word in (f"init={folder}", f"resume_from={folder}"):
        planned = plan("loss=[mse]", word, "schedule.joint.iterations=20")
        path = checkpoint.last(folder)
        before = path.read_bytes()
        state = checkpoint.load(path)
        name = next(iter(state["state_dict"]))
        state["state_dict"][name] = state["state_dict"][name] + 1
        checkpoint.save(state, path)
        run = Run(planned.folder, planned.identity, planned.config, planned.parts)
        run.begin([], planned.manifests, len(planned.schedule), planned.prefixes)
        with run.claimed(), pytest.raises(UserError, match="has changed since this run was planned"):
            starting_point(planned, run, build_translator(planned))
        path.write_bytes(before)
