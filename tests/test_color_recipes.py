"""The recipes of color state their papers, train on pictures, and are scored along their hints."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from henkan.generators.user_guided import GlobalHints
from henkan.launching.execute import execute
from henkan.training.assemble import build_network
from henkan.verbs import train

Compose = Callable[..., DictConfig]
STATISTICS = ("statistics.mean=[0.5,0.5,0.5]", "statistics.classes=205")


def parameters(config: DictConfig, network: str = "generator") -> int:
    plain = OmegaConf.to_container(config, resolve=True)
    assert isinstance(plain, dict)
    with torch.device("meta"):
        return sum(weight.numel() for weight in build_network(plain, network).parameters())  # type: ignore[arg-type]


def test_let_there_be_color_states_the_paper(composed: Compose) -> None:
    config = composed(["experiment=let_there_be_color", "scale=paper", *STATISTICS])
    assert parameters(config) == 42_367_343
    assert (config.size, config.batch_size, config.schedule.joint.iterations) == (224, 128, 200_000)
    assert list(config.augmentation.resize) == [256, 256] and config.augmentation.flip == 0.5
    assert config.weights.class_label == pytest.approx(1 / 300, rel=1e-4)
    # A difference of (ab / 100 + 1) / 2 in units of ab / 110.
    assert config.weights.mse_ab == pytest.approx((110 / 200) ** 2)
    assert (config.optimizer.generator._target_, config.optimizer.generator.lr) == ("torch.optim.Adadelta", 1.0)
    assert config.screen.least == 5.0


def test_user_guided_color_states_the_released_training(composed: Compose) -> None:
    config = composed(["experiment=user_guided_color", "scale=paper"])
    assert parameters(config) == 34_187_027
    assert (config.size, config.batch_size) == (176, 25)
    assert config.optimizer.generator.lr == 1e-5 and list(config.optimizer.generator.betas) == [0.9, 0.999]
    assert list(config.degradation.side) == [1, 9] and config.degradation.chance == 0.125
    # 10 sum over two channels is 20 times their mean.
    assert (config.weights.l1_ab, config.weights.class_ab) == (20.0, 1.0)
    assert config.evaluation.framing.size == config.evaluation.framing.resize == 256
    assert list(config.evaluation.degradation.side) == [6, 6]
    assert list(config.evaluation.curve["values"]) == [0, 1, 2, 5, 10, 20, 50, 100, 500]
    assert config.screen.least == 5.0
    images = 1_281_167
    assert config.schedule.joint.iterations == pytest.approx(15 * images / 25, rel=1e-6)
    assert config.scheduler.milestones[0] == pytest.approx(10 * images / 25, rel=1e-6)
    assert (config.scheduler.generator.gamma, config.optimizer.generator._target_) == (0.1, "torch.optim.Adam")
    first = composed(["experiment=user_guided_classes", "scale=paper"])
    assert first.generator.learns_from == "classification" and first.optimizer.generator.lr == 1e-4
    assert first.schedule.joint.iterations == pytest.approx(15 * images / 25, rel=1e-6)
    assert first.degradation._target_.endswith("Grey"), "no hints yet"


def test_user_guided_color_has_the_releases_huber(composed: Compose) -> None:
    config = composed(["experiment=user_guided_color", "scale=paper", "loss=[huber_ab,class_ab]"])
    assert (config.loss.huber_ab.delta, config.weights.huber_ab) == (0.01, 20.0)


def test_user_guided_global_adds_its_branch(composed: Compose) -> None:
    config = composed(["experiment=user_guided_global", "scale=paper"])
    # The published branch has 313 bins, this one 529: 512 weights for each of 216 more.
    assert parameters(config) == 34_187_027 + 950_784 + 512 * (529 - 313)


@pytest.fixture
def colored(pictures: Path, tmp_path: Path) -> list[str]:
    """Overrides of runs on the shapes that take seconds."""
    return [
        "scale=smoke",
        "data=image_folder",
        f"data.path={pictures}",
        f"paths.runs={tmp_path / 'runs'}",
        f"paths.cache={tmp_path / 'cache'}",
        "optimizer=adam",
        "scheduler=constant",
        "logger=csv",
        "metric=[psnr,ab_error]",
        "trainer.threads=1",
        "trainer.log_every=2",
        "validation.every=4",
        "schedule.joint.iterations=4",
    ]


def trained(composed: Compose, tmp_path: Path, words: list[str]) -> Path:
    train.main(composed(words))
    (run,) = (path.parent for path in (tmp_path / "runs").glob("*/run.json"))
    return run


LOSSES = ("mse_ab", "l1_ab", "huber_ab", "class_ab_rebalanced")


@pytest.mark.parametrize("loss", [*(f"[{term},adversarial]" for term in LOSSES), "[mse_ab]", "[huber_ab,lsgan]"])
@pytest.mark.parametrize("judged_in", ["rgb", "lab"])
def test_losses_and_discriminators_of_color(
    colored: list[str], composed: Compose, tmp_path: Path, loss: str, judged_in: str
) -> None:
    more = ["discriminator.n_layers=2", f"loss={loss}", f"task.judged_in={judged_in}"]
    # Only there are classes of color.
    more += ["generator=user_guided"] if "class_ab" in loss else []
    run = trained(composed, tmp_path, ["experiment=let_there_be_color", *colored, *more])
    curves = pd.read_csv(run / "metrics.csv")
    losses = curves.filter(regex="^loss/").dropna()
    assert len(losses) and losses.shape[1] == 2 + loss.count(",") and (losses > 0).all(axis=None)
    assert pd.read_csv(run / "scores.csv")["ab_error"].between(0, 200).all()
    assert (run / "panels" / "validation_0000004.png").is_file()


def test_classes_of_color_decide_the_output(colored: list[str], composed: Compose, tmp_path: Path) -> None:
    words = ["experiment=user_guided_classes", *colored, "loss=[class_ab_rebalanced]", "task.temperature=0.38"]
    run = trained(composed, tmp_path, words)
    config = OmegaConf.load(run / "config.yaml")
    assert sum(config.statistics.ab_prior) == pytest.approx(1.0)
    # The term reads logits beside the output, and its gradient is measured there.
    (name,) = (key for key in config.loss)
    gradients = pd.read_csv(run / "metrics.csv")[f"gradient/{name}"].dropna()
    assert len(gradients) and (gradients > 0).all()


def test_labels_out_of_folders(composed: Compose, colored: list[str], pictures: Path, tmp_path: Path) -> None:
    classes = tmp_path / "classes"
    for split in ("train", "val", "test"):
        for number, path in enumerate(sorted((pictures / split).glob("*.png"))):
            place = classes / split / ("even", "odd")[number % 2] / path.name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
    more = ["data.labels=true", f"data.path={classes}", "metric=[psnr,class_accuracy]"]
    run = trained(composed, tmp_path, ["experiment=let_there_be_color", *colored, *more])
    assert OmegaConf.load(run / "config.yaml").statistics.classes == 2
    assert set(pd.read_csv(run / "scores.csv")["class_accuracy"]) <= {0.0, 1.0}
    losses = pd.read_csv(run / "metrics.csv")["loss/class_label"].dropna()
    assert len(losses) and (losses > 0).all()


def test_scores_along_the_hints(colored: list[str], composed: Compose, tmp_path: Path) -> None:
    curve = "evaluation.curve={setting: count, values: [0, 3]}"
    run = trained(composed, tmp_path, ["experiment=user_guided_color", *colored, curve])
    found = pd.read_csv(run / "curve.csv")
    assert list(found.columns) == ["count", "file", "psnr", "ab_error"] and set(found["count"]) == {0, 3}
    assert len(found) == 2 * len(pd.read_csv(run / "scores.csv"))
    assert (run / "curve.png").read_bytes().startswith(b"\x89PNG")
    # Scored otherwise, without, none lingers where it belongs.
    assert execute("evaluate", [f"run={run}", "evaluation.curve=null"]).code == 0
    assert not list((run / "evaluations").glob("*/curve.csv")) and (run / "curve.csv").is_file()


def test_a_generator_of_another_task(colored: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    words = ["experiment=user_guided_color", *colored, "evaluation.curve=null", "generator=telea"]
    assert execute("evaluate", words).code == 2
    assert "needs 'mask', which Colorization does not offer (it offers image" in capfd.readouterr().err


def test_a_setting_that_is_none(colored: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["experiment=let_there_be_color", *colored, "generator=grey"]
    assert execute("evaluate", [*words, "evaluation.curve={setting: hints, values: [0]}"]).code == 2
    assert "evaluation.curve.setting=hints: the degradation has no such setting" in capfd.readouterr().err
    # Before anything is trained, too.
    words = ["experiment=user_guided_color", *colored, "evaluation.curve={setting: count, values: []}"]
    assert execute("train", words).code == 2
    assert "evaluation.curve has no values of count" in capfd.readouterr().err
    assert execute("train", [*words, "evaluation.curve=null", "evaluation.areas=[0.5,1]"]).code == 2
    assert "must rise from 0 to 1" in capfd.readouterr().err and not list((tmp_path / "runs").glob("*/run.json"))


def test_hints_help_levin(colored: list[str], tmp_path: Path) -> None:
    words = ["experiment=user_guided_color", *colored, "generator=levin"]
    assert execute("evaluate", [*words, "evaluation.curve={setting: count, values: [0, 10, 50]}"]).code == 0
    (run,) = (path.parent for path in (tmp_path / "runs").glob("*/run.json"))
    means = pd.read_csv(run / "curve.csv").groupby("count")["psnr"].mean()
    assert means.is_monotonic_increasing and means[50] > means[0] + 3
    assert json.loads((run / "run.json").read_text())["status"] == "done"


def test_global_colors_reach_the_generator(
    colored: list[str], composed: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[torch.Tensor] = []
    forward = GlobalHints.forward

    def watched(self: GlobalHints, histogram: torch.Tensor, saturation: torch.Tensor) -> torch.Tensor:
        told.append(torch.cat((histogram, saturation), dim=1).flatten(1))
        return forward(self, histogram, saturation)

    monkeypatch.setattr(GlobalHints, "forward", watched)
    run = trained(composed, tmp_path, ["experiment=user_guided_global", *colored])
    assert set(pd.read_csv(run / "curve.csv")["chance"]) == {0.0, 1.0}
    rows = torch.cat(told)
    histogram, knows, saturation = rows[:, :-3], rows[:, -3], rows[:, -2]
    assert set(knows.tolist()) == {0.0, 1.0}
    torch.testing.assert_close(histogram.sum(1), knows)
    assert (saturation[rows[:, -1] > 0] > 0).all() and not saturation[rows[:, -1] == 0].any()


def test_holes_are_what_is_post_processed(colored: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    words = ["experiment=let_there_be_color", *colored, "generator=grey", "postprocess=poisson"]
    assert execute("evaluate", words).code == 2
    assert "post-processing is of holes, and this task has none" in capfd.readouterr().err
