"""Apply a trained run, or a generator that needs no training, to your pictures.

Completion: pixels outside the mask (white = missing) stay as they are, bit for bit. Drawings: the whole page becomes
clean lines, as PNG and, with vector=svg, as a file that drawing programs open. Color: the picture keeps its lightness;
points or a scribble say what some places should be. Sketches: strokes of color beside them become a picture. Style
transfer: any picture is painted in the style that a network has learned. Super-resolution: the picture is enlarged;
other=RUN blend=0.8 lies between two runs. Segmentation: the class of every pixel, as PNG with VOC's palette.

  henkan predict run=outputs/runs/RUN input=photo.jpg mask=hole.png
  henkan predict run=outputs/runs/RUN iteration=200_000 input=photo.jpg mask=hole.png
  henkan predict run=outputs/runs/RUN input=photo.jpg 'remove=[120,80,60,90]' grow=6 feather=4   # an object, by a box
  henkan predict run=outputs/runs/RUN input='photos/*.jpg' mask=masks postprocess=poisson
  henkan predict generator=telea input=photos output=filled
  henkan predict task=super_resolution degradation=bicubic generator=pretrained generator.weights=FILE input=photo.jpg
  henkan predict task=super_resolution generator=bidirectional 'generator.size=[320,240]' input=photo.jpg
  henkan predict run=outputs/runs/RUN input=sketch.png vector=svg
  henkan predict run=outputs/runs/RUN input=grey.jpg 'points=[[120,80,"#c04020"]]'
  henkan predict task=colorization generator=levin input=grey.jpg scribble=strokes.png
  henkan predict run=outputs/runs/RUN input=sketch.png strokes=strokes.png
  henkan predict run=outputs/runs/JOHNSON input=photo.jpg side=720
"""

from __future__ import annotations

import glob
from collections.abc import Iterable
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.progress import Progress

from henkan.config.build import build
from henkan.config.resolved import resolved
from henkan.data.decode import EXTENSIONS
from henkan.errors import UserError
from henkan.evaluation.blend import blend_of, ensembled
from henkan.files import replaced
from henkan.networks.modes import learns
from henkan.prediction.predictor import Predictor
from henkan.runs.trained import as_it_is, check_untrained, own_config, with_overrides
from henkan.training import checkpoint
from henkan.training.assemble import build_network, build_transform, device_for

# What marks a picture's mask beside it.
MASK = "_mask"


def main(cfg: DictConfig) -> None:
    if cfg.input is None:
        raise UserError("nothing to work on: give input=FILE, a folder or a pattern")
    predict = load(cfg)
    pictures, output = find(cfg.input), Path(cfg.output)
    destinations(pictures, predict.expect(pictures), output, predict.endings)
    console = Console(stderr=True)
    bad: list[str] = []
    with Progress(console=console, disable=not console.is_terminal) as progress:
        for path in progress.track(pictures, description="predict"):
            try:
                for ending, content in predict(path):
                    with replaced(output / f"{path.stem}{ending}") as partial:
                        partial.write_bytes(content)
            except UserError as error:
                bad.append(str(error))
                if len(pictures) > 1:
                    console.print(f"henkan: {error}", markup=False, highlight=False, soft_wrap=True)
    if bad and len(pictures) == 1:
        raise UserError(bad[0])
    print(output)
    if bad:
        console.print(f"henkan: {len(bad)} of {len(pictures)} pictures failed", markup=False, highlight=False)
        raise SystemExit(1)


def load(cfg: DictConfig) -> Predictor:
    """Return what applies the generator, as its task has it; no training data is read."""
    if cfg.run is None:
        check_untrained(cfg)
    trained = with_overrides(own_config(cfg), cfg) if cfg.run is not None else as_it_is(cfg).copy()
    if cfg.run is None and trained.statistics.mean is None:
        # A generator that learns nothing is shown no mean color.
        trained.statistics.mean = [0.5, 0.5, 0.5]
    config = resolved(trained)
    network = build_network(config, "generator")
    if learns(network):
        if cfg.run is None:
            raise UserError("this generator has weights to learn: name a trained run with run=FOLDER")
        path = checkpoint.find_checkpoint(Path(cfg.run), cfg.iteration)
        checkpoint.load_weights(network, checkpoint.generator(checkpoint.load(path)), path)
        blend = blend_of(cfg)
        network = network if blend is None else blend(network)
    network = ensembled(network, config)
    transform = build_transform(config)
    predict: Predictor = build(config["predictor"])(network.to(device_for(config)).eval(), transform, cfg, trained)
    return predict


def find(given: str) -> list[Path]:
    """Return the pictures that a file, a folder or a pattern means, masks beside them left out."""
    named = Path(given)
    if named.is_dir():
        found = sorted(path for path in named.iterdir() if path.suffix.lower() in EXTENSIONS)
    else:
        found = [named] if named.is_file() else sorted(Path(path) for path in glob.glob(given, recursive=True))
    stems = {path.stem for path in found}
    pictures = [path for path in found if not path.stem.endswith(MASK) or path.stem.removesuffix(MASK) not in stems]
    if not pictures:
        raise UserError(f"there are no pictures in {given}: give input=FILE, a folder or a pattern")
    return pictures


def destinations(pictures: list[Path], others: Iterable[Path], output: Path, endings: Iterable[str]) -> None:
    """Raise `UserError` where a result would be written over an input, or over another result."""
    inputs = {path.resolve() for path in (*pictures, *others)}
    for ending in endings:
        targets = [output / f"{path.stem}{ending}" for path in pictures]
        for path, target in zip(pictures, targets, strict=True):
            if target.resolve() in inputs:
                raise UserError(f"{target} is an input: give another folder with output=DIR")
            if targets.count(target) > 1:
                raise UserError(f"{path} and another picture would both become {target}: rename one of them")
