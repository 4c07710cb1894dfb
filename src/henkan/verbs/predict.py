"""Apply a trained run, or a generator that needs no training, to your pictures.

Completion: pixels outside the mask (white = missing) stay as they are, bit for bit. Drawings: the whole page becomes
clean lines, as PNG and, with vector=svg, as a file that drawing programs open. Color: the picture keeps its lightness;
points or a scribble say what some places should be. Sketches: strokes of color beside them become a picture. Style
transfer: any picture is painted in the style that a network has learned. Super-resolution: the picture is enlarged;
other=RUN blend=0.8 lies between two runs; bidirectional similarity gives it any size, keeping what is important, or
moves an object. Segmentation: the class of every pixel, as PNG with VOC's palette.

EXIF, dpi, color profile and texts of a picture are kept. Of several pages or frames (TIFF, GIF, WebP) each is written,
as STEM_1.png and so on. A folder is searched to any depth, and its results lie as its pictures do.

  henkan predict model=lines input=sketch.png             # a trained network that comes with henkan, or a model file
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

from collections.abc import Collection, Iterator
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.progress import Progress

from henkan.data.notices import readable
from henkan.errors import UserError
from henkan.files import replaced
from henkan.prediction.files import destinations, find
from henkan.prediction.loaded import load
from henkan.prediction.pictures import pages
from henkan.prediction.predictor import Predictor, is_file_name
from henkan.progress import listening

# What belongs to pictures is none of them, if it lies in their folder. A style may be.
BESIDE = ("importance", "mask", "scribble", "strokes")
# Seconds after which a picture that takes long says how far it is, and again.
EVERY = 20.0


def main(cfg: DictConfig) -> None:
    if cfg.input is None:
        raise UserError("nothing to work on: give input=FILE, a folder or a pattern")
    predict = load(cfg)
    output = named = Path(str(cfg.output)).expanduser()
    apart = [output, *(Path(str(cfg[key])) for key in BESIDE if cfg[key] is not None)]
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
    # Of several pages no file has the name that was given.
    print(readable(named.with_suffix(named.suffix.lower()) if stem is not None and done == 1 else output))
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
