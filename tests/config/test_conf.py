"""Every file of the config tree composes, checks and builds; every recipe plans a run."""

from __future__ import annotations

import importlib
import inspect
import re
import tarfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import tiny_network
import torch
from omegaconf import DictConfig, OmegaConf
from PIL import Image

import henkan
from henkan.baselines.baseline import Baseline
from henkan.config.build import build
from henkan.config.checks import check_config
from henkan.config.resolvers import at_scale, fraction, iterations, scaled, steps
from henkan.config.trees import config_folder
from henkan.config.trust import check_foreign
from henkan.errors import Missing, UserError
from henkan.launching.execute import execute
from henkan.runs.plan import plan_run
from henkan.terms.chosen import build_terms
from henkan.training.assemble import build_network, build_translator, with_warmup
from henkan.training.schedule import Schedule

Compose = Callable[..., DictConfig]
CONF = config_folder()
MULTIPLE = ("loss", "metric", "stream")
OPTIONS = sorted(
    (path.parent.name, path.stem) for path in CONF.glob("*/*.yaml") if path.parent.name not in ("experiment", "hydra")
)
RECIPES = sorted(path.stem for path in CONF.glob("experiment/*.yaml"))
SCALES = sorted(path.stem for path in CONF.glob("scale/*.yaml"))


STATISTICS = ("statistics.mean=[0.5,0.5,0.5]", "statistics.deviation=0.5", "statistics.classes=2")


def drawings(pictures: Path, place: Path) -> Path:
    """A folder with one drawing as strokes."""
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="72" height="72"><path d="M1,1 L9,9" stroke="#000"/></svg>'
    (place / "train").mkdir()
    (place / "train" / "a.svg").write_text(svg)
    return place


def some_pairs(pictures: Path, place: Path) -> Path:
    """What `henkan degrade` writes."""
    words = ["scale=smoke", "data=image_folder", f"data.path={pictures}", "degradation=rectangle", "splits=[train]"]
    words += ["count=2", "sheet=2", f"paths.cache={place / 'cache'}", f"output={place / 'pairs'}"]
    assert execute("degrade", words).code == 0
    return place / "pairs"


def some_samples(pictures: Path, place: Path) -> Path:
    """A tar file of WebDataset's layout."""
    with tarfile.open(place / "train.tar", "w") as archive:
        archive.add(pictures / "train" / "000.png", "000.png")
    return place / "train.tar"


# What a data set that must be given is given.
NEED_PATH: dict[str, Callable[[Path, Path], Path]] = {
    **dict.fromkeys(
        (
            *("image_folder", "bsds500", "paired_folder", "paired_lines", "resolution_pairs", "depth_folder"),
            *("line_folder", "set5", "side_by_side", "hugging_face"),
        ),
        lambda pictures, _: pictures,
    ),
    **dict.fromkeys(("labelled_folder", "saliency_folder", "voc"), lambda pictures, _: pictures),
    **dict.fromkeys(("single_picture", "single_photograph"), lambda pictures, _: pictures / "train" / "000.png"),
    "svg_folder": drawings,
    "webdataset": some_samples,
    "degraded": some_pairs,
}


# What a folder of pictures is refused as.
UNFIT = ("paired_folder", "paired_lines", "resolution_pairs", "depth_folder", "labelled_folder", "voc")


def choose(group: str, option: str) -> str:
    return f"{group}=[{option}]" if group in MULTIPLE else f"{group}={option}"


def test_there_is_something_to_test() -> None:
    assert len(OPTIONS) > 40
    assert RECIPES


@pytest.mark.parametrize(("group", "option"), OPTIONS, ids=lambda value: str(value))
def test_every_option_composes_and_builds(
    composed: Compose, pictures: Path, tmp_path: Path, group: str, option: str
) -> None:
    words = ["scale=smoke", *STATISTICS, "trainer.precision=32-true", choose(group, option)]
    if group == "data" and option in NEED_PATH:
        words.append(f"data.path={NEED_PATH[option](pictures, tmp_path)}")
    if group == "degradation" and "mask" in option and option != "object_mask":
        mask = tmp_path / "mask.png"
        Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(mask)
        words.append(f"degradation.path={mask if option == 'drawn_mask' else tmp_path}")
    if option == "style_picture":
        words.append(f"degradation.path={pictures / 'train' / '000.png'}")
    if option == "few":
        words.append("screen.count=2")
    if "${enlargement:}" in (CONF / group / f"{option}.yaml").read_text():
        words.append("degradation=bicubic")
    if option == "pretrained":
        words.append(f"generator.weights={tiny_network.saved(tmp_path)}")
    if option == "bidirectional":
        words.append("generator.size=[12,10]")
    if group == "scale":
        words.remove("scale=smoke")
    cfg = composed(words)
    check_config(cfg)
    config = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(config, dict)
    try:
        if group == "loss":
            assert build_terms(config["loss"])
        elif group == "metric":
            node = next(iter(config["metric"].values()))
            build({key: value for key, value in node.items() if key not in ("reads", "better")})
        elif group in ("generator", "discriminator"):
            network = build_network(config, group)
            weights = sum(weight.numel() for weight in network.parameters())
            assert (weights == 0) == isinstance(network, Baseline)
        elif option == "hugging_face" and find_spec("datasets") is None:
            with pytest.raises(UserError, match=r"pip install 'henkan\[hf\]'"):
                build(config["data"])
        elif group == "data" and option in UNFIT:
            with pytest.raises(UserError):
                build(config["data"])
        elif "_target_" in (config.get(group) or {}):
            build(config[group])
        elif group in ("optimizer", "scheduler"):
            optimizer = build(config["optimizer"]["generator"])([torch.nn.Parameter(torch.zeros(2))])
            factory = with_warmup(config["scheduler"]["generator"], config["scheduler"]["warmup"])
            assert (factory is None) == (option == "constant" or group == "optimizer")
            if factory is not None:
                factory(optimizer).step()
        elif group == "schedule":
            assert len(Schedule.from_config(config["schedule"], discriminator=True)) >= 2
    except Missing as error:
        assert re.match(r"[\w-]+\.(pth|safetensors|onnx) is missing: |[\w=]+ needs the package ", str(error))


# What only the user of a recipe knows: a key, and a picture that will do.
NEED = {"single_image": {"streams.unpaired_source.data.path": "000.png"}}
# Terms that need no weights, for recipes whose own do.
WITHOUT_WEIGHTS = dict.fromkeys(["gatys", "johnson"], "loss=[content_lite0,style_lite0]")


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("scale", SCALES)
def test_every_recipe_composes_at_every_scale(composed: Compose, recipe: str, scale: str) -> None:
    needs = [f"{key}=x" for key in NEED.get(recipe, {})]
    check_config(composed([f"experiment={recipe}", f"scale={scale}", *STATISTICS, *needs]))


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_plans_and_builds_a_run(
    composed: Compose, pictures: Path, labelled: Path, tmp_path: Path, recipe: str
) -> None:
    cfg = composed([f"experiment={recipe}"])
    kinds = {"henkan.tasks.segmentation.Segmentation": ("labelled_folder", labelled)}
    folder, place = kinds.get(cfg.task._target_, ("line_folder" if cfg.channels == 1 else "image_folder", pictures))
    data = [f"data={folder}", f"data.path={place}", f"paths.cache={tmp_path}"]
    needs = [f"{key}={pictures / 'train' / name}" for key, name in NEED.get(recipe, {}).items()]
    terms = [WITHOUT_WEIGHTS[recipe]] if recipe in WITHOUT_WEIGHTS else []
    plan = plan_run(composed([f"experiment={recipe}", "scale=smoke", *data, *needs, *terms]))
    translator = build_translator(plan)
    judged = any(term.loss.judges for term in plan.terms)
    assert list(translator.updater.networks) == (["generator", "discriminator"] if judged else ["generator"])
    # As somebody else's it needs no word either.
    check_foreign(OmegaConf.create(plan.config), Path("config.yaml"))


@pytest.mark.parametrize("root", sorted(path.stem for path in CONF.glob("*.yaml")))
def test_every_root_composes(composed: Compose, root: str) -> None:
    check_config(composed(STATISTICS, root))


def test_glcic_states_the_paper(composed: Compose) -> None:
    cfg = composed(["experiment=glcic", "scale=paper", *STATISTICS])
    assert [phase["iterations"] for phase in cfg.schedule.values()] == [90_000, 10_000, 400_000]
    assert (cfg.size, cfg.window, cfg.batch_size, cfg.weights.adversarial) == (256, 128, 96, 4e-4)
    assert (cfg.degradation.low, cfg.degradation.high) == (96, 128)
    assert list(cfg.augmentation.resize) == [256, 384]
    assert cfg.optimizer.generator._target_ == "torch.optim.Adadelta"


def test_scale_wins_over_the_recipe(composed: Compose) -> None:
    cfg = composed(["experiment=glcic", "scale=smoke"])
    assert cfg.size == cfg.scale.size
    assert cfg.window == cfg.size // 2
    assert cfg.trainer.threads == 1
    assert all(phase["iterations"] >= 2 for phase in cfg.schedule.values())


def test_the_resolvers() -> None:
    root = OmegaConf.create({"scale": {"size": None, "iterations": 0.001}})
    assert at_scale("size", 256, _root_=root) == 256
    assert iterations(90_000, _root_=root) == 90
    assert iterations(100, _root_=root) == 2
    assert (steps(10_000, _root_=root), steps(10, _root_=root)) == (316, 2)
    assert scaled(96, 256, 64) == 24
    cfg = OmegaConf.create(
        {
            "optimizer": {"accumulate": 1},
            "loss": {},
            "schedule": {
                "a": {"iterations": 5, "update": ["generator"]},
                "b": {"iterations": 7, "update": ["discriminator", "generator"]},
            },
            "g": "${updates:generator}",
            "d": "${updates:discriminator}",
        }
    )
    assert (cfg.g, cfg.d) == (12, 7)
    phases = {name: {"iterations": count, "update": ["generator"]} for name, count in (("a", 768_000), ("b", 700))}
    long = OmegaConf.create({"schedule": phases})
    assert [fraction(parts, _root_=long) for parts in (None, 10, 50, 10_000)] == [None, 76_500, 15_000, 500]


@pytest.mark.parametrize("recipe", ["glcic", "lama", "sketch_simplification_2016", "user_guided_color", "scribbler"])
def test_saves_and_validations_do_not_grow_with_the_schedule(composed: Compose, recipe: str) -> None:
    small, large = (composed([f"experiment={recipe}", f"scale={scale}"]) for scale in ("laptop", "paper"))
    assert (small.checkpoint.every, small.validation.every, small.checkpoint.keep.every) == (500, 500, None)
    iterations = sum(phase["iterations"] for phase in large.schedule.values())
    assert 100 <= iterations / large.checkpoint.every <= 140
    assert 50 <= iterations / large.validation.every <= 56
    assert 10 <= iterations / large.checkpoint.keep.every < 11


PARTS = ("tasks", "degradations", "generators", "discriminators", "losses", "metrics", "baselines", "postprocessing")
# What others are made of, and what reads and writes: nothing that a config would choose.
NOT_CHOSEN = {
    "henkan.baselines.bidirectional.Similarity",
    "henkan.baselines.image_melding.SimilarityField",
    "henkan.baselines.nearest.NearestField",
    "henkan.baselines.patchmatch.Level",
    "henkan.baselines.planar_guidance.PlanarField",
    "henkan.baselines.planes.Planes",
    "henkan.baselines.regularity.Regularity",
    "henkan.baselines.uncovering.Uncovering",
    "henkan.degradations.hand.Scale",
    "henkan.discriminators.augment.Draw",
    "henkan.scoring.evaluator.Evaluator",
    "henkan.scoring.evaluator.Scores",
}


def test_every_public_class_of_these_packages_is_named_by_a_config() -> None:
    text = "".join(path.read_text() for path in CONF.glob("*/*.yaml"))
    named = {
        f"{module.__name__}.{name}": one
        for part in PARTS
        for path in sorted((Path(henkan.__file__).parent / part).glob("*.py"))
        for module in [importlib.import_module(f"henkan.{part}.{path.stem}")]
        for name, one in vars(module).items()
        if inspect.isclass(one) and one.__module__ == module.__name__ and not name.startswith("_")
    }
    bases = {base for one in named.values() for base in one.__mro__[1:]}
    missing = [name for name, one in named.items() if name not in text and one not in bases and name not in NOT_CHOSEN]
    assert len(named) > 60 and missing == []
