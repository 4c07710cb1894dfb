"""Apply a trained run, or a generator that needs no training, to your pictures.

Completion: pixels outside the mask (white = missing) stay as they are, bit for bit. Drawings: the whole page becomes
clean lines, as PNG and, with vector=svg, as a file that drawing programs open. Color: the picture keeps its lightness;
points or a scribble say what some places should be. Sketches: strokes of color beside them become a picture. Style
transfer: any picture is painted in the style that a network has learned. Super-resolution: the picture is enlarged;
other=RUN blend=0.8 lies between two runs; bidirectional similarity gives it any size, keeping what is important, or
moves an object. Segmentation: the class of every pixel, as PNG with VOC's palette.

EXIF, dpi, color profile and texts of a picture are kept. Of several pages or frames (TIFF, GIF, WebP) each is written,
as STEM_1.png and so on. A folder is searched to any depth, and its results lie as its pictures do.

  henkan predict run=outputs/runs/RUN input=photo.jpg mask=hole.png
  henkan predict run=outputs/runs/RUN iteration=200_000 input=photo.jpg mask=hole.png
  henkan predict run=outputs/runs/RUN input=photo.jpg 'remove=[120,80,60,90]' grow=6 feather=4   # an object, by a box
  henkan predict run=outputs/runs/RUN input='photos/*.jpg' mask=masks postprocess=poisson
  henkan predict generator=telea input=photos output=filled
  henkan predict generator=telea input=frames mask=logo.png format=jpg quality=90     # one mask for them all
  henkan predict run=outputs/runs/RUN input=photo.jpg mask=hole.png output=result.webp
  henkan predict task=super_resolution degradation=bicubic generator=pretrained generator.weights=FILE input=photo.jpg
  henkan predict task=super_resolution generator=bidirectional 'generator.size=[320,240]' input=photo.jpg
  henkan predict task=super_resolution generator=bidirectional generator.size=[320,240] input=a.jpg importance=map.png
  henkan predict task=super_resolution generator=bidirectional input=photo.jpg mask=object.png 'move=[60,0]'
  henkan predict run=outputs/runs/RUN input=sketch.png vector=svg
  henkan predict run=outputs/runs/RUN input=grey.jpg 'points=[[120,80,"#c04020"]]'
  henkan predict task=colorization generator=levin input=grey.jpg scribble=strokes.png
  henkan predict run=outputs/runs/RUN input=sketch.png strokes=strokes.png
  henkan predict run=outputs/runs/JOHNSON input=photo.jpg side=720
  henkan predict experiment=lama_big scale=paper init=big-lama.pth input=photo.jpg mask=hole.png   # as published
"""

from __future__ import annotations

import glob
import math
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.progress import Progress
from torch import nn

from henkan.config.build import build
from henkan.config.resolved import resolved
from henkan.data.decode import EXTENSIONS
from henkan.data.image_folder import files_below
from henkan.data.notices import readable
from henkan.errors import UserError
from henkan.evaluation.blend import blend_of, ensembled
from henkan.files import replaced
from henkan.networks.modes import learns
from henkan.networks.published import Published
from henkan.prediction.companions import MASK
from henkan.prediction.pictures import pages
from henkan.prediction.predictor import Predictor, is_file_name
from henkan.progress import listening
from henkan.runs.trained import as_it_is, check_untrained, own_config, with_overrides
from henkan.training import checkpoint, first_weights
from henkan.training.assemble import build_network, build_transform, device_for

# Seconds after which a picture that takes long says how far it is, and again.
EVERY = 20.0


def main(cfg: DictConfig) -> None:
    if cfg.input is None:
        raise UserError("nothing to work on: give input=FILE, a folder or a pattern")
    check(cfg)
    predict = load(cfg)
    output = Path(str(cfg.output)).expanduser()
    apart = [output, *(Path(str(cfg[key])).expanduser() for key in ("mask", "strokes") if cfg.get(key) is not None)]
    pictures, predict.root = find(str(cfg.input), apart)
    endings, stem = predict.endings, None
    if is_file_name(output):
        if len(pictures) > 1:
            raise UserError(f"output={output} is one file for {len(pictures)} pictures: give a folder")
        if output.suffix.lower() not in endings:
            raise UserError(f"output={output}: what is written are {', '.join(endings)}: vector=svg writes SVG too")
        output, stem = output.parent, output.stem
    targets = destinations(pictures, predict.expect(pictures), output, endings, stem, predict.place)
    console = Console(stderr=True)

    def tell(line: str) -> None:
        console.print(f"henkan: {readable(line)}", markup=False, highlight=False, soft_wrap=True)

    bad: list[str] = []
    done = 0
    with Progress(console=console, disable=not console.is_terminal) as progress:
        for path in progress.track(pictures, description="predict"):
            found = []
            for error in applied(predict, path, output, stem or path.stem, targets):
                done += 1
                found += [] if error is None else [error]
            if found and len(pictures) == done == 1:
                raise UserError(found[0])
            for line in found:
                tell(line)
            bad += found
    print(readable(output if stem is None else output / f"{stem}{endings[0]}"))
    if bad:
        tell(f"{len(bad)} of {done} pictures failed")
        raise SystemExit(1)


def applied(predict: Predictor, path: Path, output: Path, stem: str, targets: Collection[str]) -> Iterator[str | None]:
    """Write what becomes of a picture, page by page if it has several; yield for each what went wrong, naming it."""
    place = predict.place(path)
    try:
        count = pages(path)
    except UserError as error:
        yield naming(error, path)
        return
    for page in range(count):
        name, one = (stem, str(path)) if count == 1 else (f"{stem}_{page + 1}", f"{path}, page {page + 1}")
        try:
            with listening(one, EVERY):
                for ending, content in predict(path, page):
                    if count > 1 and str(place / f"{name}{ending}") in targets:
                        raise UserError(f"{name}{ending} would be another picture's too: rename one of them")
                    with replaced(output / place / f"{name}{ending}") as partial:
                        partial.write_bytes(content)
        except UserError as error:
            yield naming(error, one)
        else:
            yield None


def naming(error: UserError, path: Path | str) -> str:
    """Return the message of an error, with the picture that it is about if it does not name it."""
    return str(error) if str(path) in str(error) else f"{path}: {error}"


def check(cfg: DictConfig) -> None:
    """Raise `UserError` for numbers that cannot be."""
    for key in ("resize", "megapixels"):
        if not 0 < cfg[key] < math.inf:
            raise UserError(f"{key}={cfg[key]} must be above 0")
    for key in ("grow", "feather"):
        if cfg[key] < 0:
            raise UserError(f"{key}={cfg[key]} must be 0 pixels or more")
    if not 1 <= cfg.quality <= 100:
        raise UserError(f"quality={cfg.quality} must be from 1 to 100")


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
            load_published(network, cfg.init)
        else:
            path = checkpoint.find_checkpoint(Path(cfg.run), cfg.iteration)
            checkpoint.load_weights(network, checkpoint.generator(checkpoint.load(path)), path)
        blend = blend_of(cfg)
        network = network if blend is None else blend(network)
    network = ensembled(network, config)
    transform = build_transform(config)
    predict: Predictor = build(config["predictor"])(network.to(device_for(config)).eval(), transform, cfg, trained)
    return predict


def load_published(network: nn.Module, init: str | None) -> None:
    """Load the weights that a network's authors have published. Raises `UserError` where there are none to load."""
    if init is None:
        raise UserError("this generator has weights to learn: name a trained run with run=FOLDER")
    path = Path(init).expanduser()
    state = first_weights.read(path)
    if "iteration" in state or not isinstance(network, Published):
        # A run's config says more than its weights: the colors that fill holes, for one.
        raise UserError(f"init={init}: without run=FOLDER, this is for weights that a network's authors have published")
    checkpoint.load_weights(network, first_weights.generator(state, network, path), path)


def find(given: str, apart: Iterable[Path] = ()) -> tuple[list[Path], Path | None]:
    """Return the pictures that a file, a folder or a pattern means, and the folder that they all lie below.

    A folder is searched to any depth, by the rules of training; masks beside pictures are left out, and so are folders
    in it that are set `apart`: for results, for masks.
    """
    named, root = Path(given).expanduser(), None
    if named.is_dir():
        root = named
        others = [path.resolve() for path in apart if path.resolve() != root.resolve()]
        found = [root / name for name in files_below(root, EXTENSIONS)]
        if any(path.is_relative_to(root.resolve()) for path in others):
            found = [path for path in found if not any(map(path.resolve().is_relative_to, others))]
    elif named.is_file():
        found = [named]
    else:
        found, root = sorted(Path(path) for path in glob.glob(str(named), recursive=True)), unchanging(named)
    stems = {(path.parent, path.stem) for path in found}
    pictures = [
        path
        for path in found
        if not path.stem.endswith(MASK) or (path.parent, path.stem.removesuffix(MASK)) not in stems
    ]
    if not pictures:
        raise UserError(f"there are no pictures in {given}: give input=FILE, a folder or a pattern")
    return pictures, root


def unchanging(pattern: Path) -> Path:
    """Return the folders that a pattern begins with, before the first that stands for several."""
    folder = Path()
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            break
        folder /= part
    return folder


def destinations(
    pictures: Sequence[Path],
    others: Iterable[Path],
    output: Path,
    endings: Iterable[str],
    stem: str | None = None,
    place: Callable[[Path], Path] = lambda path: Path(),
) -> set[str]:
    """Return the relative paths of what will be written into `output`, where `place` says, of one picture after `stem`
    if it is given.

    Raises `UserError` where a result would be written over an input, or over another result.
    """
    inputs = {place_of(path) for path in (*pictures, *others)} - {None} if output.is_dir() else set()
    found: set[str] = set()
    for ending in endings:
        for path in pictures:
            name = str(place(path) / f"{stem or path.stem}{ending}")
            if inputs and place_of(output / name) in inputs:
                raise UserError(f"{output / name} is an input: give another folder with output=DIR")
            if name in found:
                raise UserError(f"{path} and another picture would both become {output / name}: rename one of them")
            found.add(name)
    return found


def place_of(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from others, by whatever path and link it is reached; None where there is none."""
    try:
        state = os.stat(path)
    except OSError:
        return None
    return state.st_dev, state.st_ino
