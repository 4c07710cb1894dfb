"""Style transfer from end to end: what the recipes state, that they train and resume, and what is refused."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from omegaconf import DictConfig
from PIL import Image
from test_resume import assert_same_result, kill_at, only_run, train

from henkan.config.trees import config_folder
from henkan.launching.execute import execute
from henkan.launching.launcher import WarmProcesses
from henkan.runs.plan import plan_run
from henkan.training import checkpoint

Compose = Callable[..., DictConfig]
TERM = """# @package _global_
loss:
  {name}:
    _target_: {target}
    features: {{_target_: tiny_features.TinyFeatures, _partial_: true}}
    layers: {layers}
    reads: {reads}
    weight: ${{weights.{name}}}
weights:
  {name}: {weight}
balance:
  {name}: null
"""
CONTENT = TERM.format(
    name="content",
    target="henkan.losses.perceptual.Perceptual",
    layers="{relu2: 1.0}",
    reads="{input: prediction, target: target}",
    weight=1.0,
)
STYLE = TERM.format(
    name="style",
    target="henkan.losses.style.Style",
    layers="{relu1: 1.0, relu3: 1.0}",
    reads="{input: prediction, style: style_picture}",
    weight=1e4,
)


@pytest.fixture
def tiny_terms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Work in a folder with two pictures, and with terms that need no weights; overrides of runs that take a second."""
    here = tmp_path / "here"
    (here / "conf" / "loss").mkdir(parents=True)
    (here / "conf" / "loss" / "content_tiny.yaml").write_text(CONTENT)
    (here / "conf" / "loss" / "style_tiny.yaml").write_text(STYLE)
    rng = np.random.default_rng(0)
    photo, painting = np.full((36, 48, 3), 200, np.uint8), rng.integers(0, 256, (40, 40, 3), np.uint8)
    cv2.circle(photo, (20, 16), 10, (30, 90, 220), -1)
    Image.fromarray(photo).save(here / "photo.png")
    Image.fromarray(painting).save(here / "painting.png")
    monkeypatch.chdir(here)
    return [
        "scale=smoke",
        "loss=[content_tiny,style_tiny]",
        "style=painting.png",
        "size=32",
        f"paths.runs={tmp_path / 'runs'}",
        f"paths.cache={tmp_path / 'cache'}",
        "logger=csv",
        "metric=[psnr]",
        "trainer.threads=1",
        "trainer.precision=32-true",
        "trainer.log_every=2",
        "validation.every=4",
    ]


@pytest.fixture
def gatys(tiny_terms: list[str]) -> list[str]:
    phases = [f"schedule.{phase}.iterations={count}" for phase, count in (("coarse", 6), ("middle", 6), ("fine", 8))]
    return [*tiny_terms, "experiment=gatys", "content=photo.png", *phases]


@pytest.fixture
def johnson(tiny_terms: list[str], pictures: Path) -> list[str]:
    data = ["data=image_folder", f"data.path={pictures}"]
    return [*tiny_terms, "experiment=johnson", *data, "schedule.joint.iterations=4"]


def test_gatys_states_what_is_published(composed: Compose) -> None:
    cfg = composed(["experiment=gatys", "scale=paper"])
    assert (cfg.size, cfg.batch_size, cfg.average.decay, cfg.generator.start) == (512, 1, None, "content")
    assert list(cfg.loss.content.layers) == ["relu4_2"]
    assert list(cfg.loss.style.layers) == [f"relu{block}_1" for block in range(1, 6)]
    # neural-style: 5, 100, and 1e-3 for values in [0, 255].
    weights = (cfg.weights.content, cfg.weights.style, cfg.weights.squared_variation)
    assert weights == (5, 100, pytest.approx(1e-3 * 255**2))
    assert cfg.loss.style.normalization == "elements"
    assert cfg.optimizer.generator._target_ == "torch.optim.LBFGS" and cfg.optimizer.generator.lr == 1
    assert composed(["experiment=gatys", "scale=paper", "schedule=one_size"]).schedule == {
        "fine": {"iterations": 1000, "update": ["generator"]}
    }
    sizes = composed(["experiment=gatys"])
    assert (dict(sizes.generator.sizes), sizes.size) == ({"coarse": 64, "middle": 128}, 256)
    paper = composed(["experiment=gatys", "scale=paper", "loss=[content_paper,style_paper]"])
    assert paper.loss.content.distance._target_ == "henkan.losses.half_squares.HalfSquares"
    assert dict(paper.loss.style.layers) == {f"conv{block}_1": 1 / 5 for block in range(1, 6)}
    assert (paper.loss.style.normalization, paper.loss.style.features.pooling) == ("paper", "average")


def test_gatys_may_have_the_papers_network(composed: Compose) -> None:
    words = ["loss=[content_vgg19,style_vgg19,squared_variation]", "weights.squared_variation=0.02"]
    assert " ".join(words) in (config_folder() / "experiment" / "gatys.yaml").read_text().replace("\n# ", " ")
    cfg, other = (composed(["experiment=gatys", "scale=paper", *chosen]) for chosen in (words, []))
    assert {term.features._target_ for term in (cfg.loss.content, cfg.loss.style)} == {
        "henkan.pretrained.features.VGG19"
    }
    assert all(cfg.loss[name].layers == other.loss[name].layers for name in ("content", "style"))
    # It is shown values 57.6 times smaller: content falls with the square of that, style with the fourth power, and
    # smoothness, which looks at the picture itself, not at all.
    smaller = 255 * 0.226
    assert cfg.weights.content == other.weights.content
    assert cfg.weights.style == pytest.approx(other.weights.style * smaller**2, rel=0.01)
    assert cfg.weights.squared_variation == pytest.approx(other.weights.squared_variation / smaller**2, rel=0.03)


def test_johnson_states_the_paper(composed: Compose) -> None:
    cfg = composed(["experiment=johnson", "scale=paper"])
    assert (cfg.size, cfg.batch_size, cfg.schedule.joint.iterations) == (256, 4, 40_000)
    optimizer = cfg.optimizer.generator
    assert (optimizer._target_, optimizer.lr, cfg.average.decay) == ("torch.optim.Adam", 1e-3, None)
    assert list(cfg.loss.content.layers) == ["relu2_2"]
    assert list(cfg.loss.style.layers) == ["relu1_2", "relu2_2", "relu3_3", "relu4_3"]
    weights = (cfg.weights.content, cfg.weights.style, cfg.weights.squared_variation)
    assert weights == (1, 5, pytest.approx(4 * 1e-6 * 255**2))
    network = (cfg.generator.base, cfg.generator.width, cfg.generator.normalization._target_, cfg.generator.upsampling)
    assert network == (32, 1.0, "torch.nn.BatchNorm2d", "deconvolution")


def test_johnson_has_less_style_where_iterations_are_few(composed: Compose) -> None:
    cfg = composed(["experiment=johnson"])
    assert (cfg.size, cfg.batch_size, cfg.schedule.joint.iterations, cfg.optimizer.generator.lr) == (128, 2, 1600, 2e-3)
    assert (cfg.weights.content, cfg.weights.style, cfg.weights.squared_variation) == (1, 0.1, 0.065025)
    network = (cfg.generator.base, cfg.generator.width, cfg.generator.normalization._target_, cfg.generator.upsampling)
    assert network == (32, 0.5, "torch.nn.InstanceNorm2d", "nearest")


@pytest.mark.parametrize(
    "words", [[], ["optimizer=adam", "optimizer.generator.lr=0.02"], ["generator.start=noise", "task.keep_color=true"]]
)
def test_a_picture_is_painted_from_coarse_to_fine(gatys: list[str], tmp_path: Path, words: list[str]) -> None:
    assert execute("train", [*gatys, *words]).code == 0
    run = only_run(tmp_path / "runs")
    with (run / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["loss/generator"]]
    for phase in ("coarse", "middle", "fine"):
        losses = [float(row["loss/generator"]) for row in rows if row["phase"] == phase]
        assert losses[-1] < losses[0], phase
    output, source = (cv2.imread(str(run / "pictures" / f"00_{name}.png")) for name in ("output", "source"))
    assert output is not None and source is not None and output.shape == source.shape == (24, 32, 3)
    assert len(list((run / "panels").glob("*.png"))) == 5
    state = checkpoint.load(checkpoint.last(run))
    assert state["state_dict"]["generator.side"] == 32


@pytest.mark.parametrize("words", [[], ["optimizer=adam", "optimizer.generator.lr=0.02"]], ids=["lbfgs", "adam"])
def test_the_next_size_begins_as_if_nothing_had_been_interrupted(
    gatys: list[str], tmp_path: Path, processes: WarmProcesses, words: list[str]
) -> None:
    words = [*gatys, *words, "loss=[style_tiny,content_tiny]"]
    alone = train(processes, words, tmp_path / "alone", tmp_path / "alone.txt")
    shared, log = tmp_path / "shared", tmp_path / "shared.txt"
    train(processes, [*words, "schedule.fine.iterations=2"], shared, tmp_path / "other.txt")
    assert processes.start(["train", *words, f"paths.runs={shared}"], log=log).wait() == 0, log.read_text()
    assert "starts at iteration 12, from a shared prefix" in log.read_text()
    assert_same_result(alone, shared / alone.name)


def test_lbfgs_goes_on_where_it_was_killed(gatys: list[str], tmp_path: Path, processes: WarmProcesses) -> None:
    words = [*gatys, "checkpoint.every=1", "schedule.middle.iterations=60", "optimizer.generator.history_size=4"]
    words += ["optimizer.generator.max_iter=3", "optimizer.generator.line_search_fn=strong_wolfe"]
    straight = train(processes, words, tmp_path / "straight", tmp_path / "straight.txt")
    assert 14 <= kill_at(processes, words, tmp_path / "killed", 14) < 74
    resumed = train(processes, words, tmp_path / "killed", tmp_path / "resumed.txt")
    assert "resumed at iteration" in (tmp_path / "resumed.txt").read_text()
    assert_same_result(straight, resumed)


def test_pictures_count_by_their_contents(gatys: list[str], composed: Compose) -> None:
    plan = plan_run(composed(gatys))
    for name in ("photo.png", "painting.png"):
        Path("elsewhere").mkdir(exist_ok=True)
        Path("elsewhere", name).write_bytes(Path(name).read_bytes())
    moved = [*gatys, "content=elsewhere/photo.png", "style=elsewhere/painting.png"]
    assert plan_run(composed(moved)).identity == plan.identity
    for word in ("content=skimage/astronaut.png", "style=skimage/ihc.png"):
        assert plan_run(composed([*gatys, word])).identity != plan.identity


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["content=nowhere.jpg"], "there is no picture nowhere.jpg; give a file, or a sample photograph: "),
        (["style=nowhere.jpg"], "there is no picture nowhere.jpg; give a file, or a sample photograph: "),
        (["style=tiny.png"], "the style picture has 5x3 pixels, and the deepest of relu1, relu3 makes one of 4x4"),
        (["batch_size=2"], "generator=pixels is one picture, and was shown 2: set batch_size=1"),
        (["average.decay=0.9"], "L-BFGS does not go with average.decay=0.9: set average.decay=null"),
        (["loss=[content,style]"], "vgg16_oxford.safetensors is missing: "),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    gatys: list[str],
    words: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HENKAN_WEIGHTS", str(Path.cwd()))
    Image.new("RGB", (5, 3)).save("tiny.png")
    assert execute("train", [*gatys, *words]).code == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("henkan: ") and message in line]
    assert line.startswith(f"henkan: {message}")


def test_a_grey_style_picture_works(gatys: list[str], tmp_path: Path) -> None:
    Image.open("painting.png").convert("L").save("grey.png")
    phases = [f"schedule.{phase}.iterations=2" for phase in ("coarse", "middle", "fine")]
    assert execute("train", [*gatys, "style=grey.png", *phases]).code == 0
    style = cv2.imread(str(only_run(tmp_path / "runs") / "pictures" / "00_style.png"))
    assert style is not None and (style == style[..., :1]).all()


def test_a_network_learns_a_style_and_paints_any_picture(johnson: list[str], tmp_path: Path) -> None:
    assert execute("train", johnson).code == 0
    run = only_run(tmp_path / "runs")
    assert {path.stem.partition("_")[2] for path in (run / "pictures").glob("*.png")} == {"source", "output", "style"}
    # The style picture may be gone by then.
    Path("painting.png").unlink()
    assert execute("predict", [f"run={run}", "input=photo.png", "output=painted"]).code == 0
    painted = cv2.imread("painted/photo.png")
    assert painted is not None and painted.shape == (36, 48, 3)
