"""Apply a trained run, or a generator that needs no training, to your pictures.

Pixels outside the mask stay as they are, bit for bit. White in a mask is what is missing.

  henkan predict run=outputs/runs/RUN input=photo.jpg mask=hole.png
  henkan predict run=outputs/runs/RUN input='photos/*.jpg' mask=masks postprocess=poisson
  henkan predict generator=telea input=photos output=filled
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf
from PIL import Image, ImageFile, ImageOps
from rich.console import Console
from rich.progress import Progress
from torch import Tensor, nn

from henkan import tiling
from henkan.build import build
from henkan.data.decode import EXTENSIONS, opened
from henkan.data.masks import check_mask, read_mask
from henkan.errors import UserError
from henkan.evaluate import own_config, with_overrides
from henkan.files import replaced
from henkan.training import checkpoint
from henkan.training.assemble import build_network, build_transform, device_for
from henkan.training.modes import learns
from henkan.transform import Transform

Pixels = NDArray[np.uint8]

MASK = "_mask"
# Pixels around the hole that post-processing is shown.
POSTPROCESSED = 32


def main(cfg: DictConfig) -> None:
    if cfg.input is None:
        raise UserError("nothing to work on: give input=FILE, a folder or a pattern")
    network, transform = load(cfg)
    postprocess = build(cfg.postprocess) if cfg.get("postprocess") is not None else None
    pictures, output = find(cfg.input), Path(cfg.output)
    masks = {path: mask_path(path, cfg.mask, len(pictures)) for path in pictures}
    targets = destinations(pictures, masks.values(), output)
    console = Console(stderr=True)
    bad: list[str] = []
    with Progress(console=console, disable=not console.is_terminal) as progress:
        for path in progress.track(pictures, description="predict"):
            try:
                image = read(path)
                mask = read_mask(masks[path])
                check_mask(mask, (image.height, image.width), str(path))
                result = complete(image, mask > 0, network, transform, int(cfg.megapixels * 1e6), postprocess)
                save(result, targets[path], profile(image))
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


def load(cfg: DictConfig) -> tuple[nn.Module, Transform]:
    """Return the generator and what surrounds it; no training data is read."""
    trained = with_overrides(own_config(cfg), cfg) if cfg.run is not None else cfg.copy()
    if cfg.run is None and trained.statistics.mean is None:
        # A generator that learns nothing is shown no mean color.
        trained.statistics.mean = [0.5, 0.5, 0.5]
    config = OmegaConf.to_container(trained, resolve=True)
    assert isinstance(config, dict)
    settings: dict[str, Any] = {str(key): value for key, value in config.items()}
    network = build_network(settings, "generator")
    if learns(network):
        if cfg.run is None:
            raise UserError("this generator has weights to learn: name a trained run with run=FOLDER")
        path = checkpoint.find_checkpoint(Path(cfg.run))
        checkpoint.load_weights(network, checkpoint.generator(checkpoint.load(path)), path)
    return network.to(device_for(settings)).eval(), build_transform(settings)


def find(given: str) -> list[Path]:
    """Return the pictures that a file, a folder or a pattern means, masks beside them left out."""
    place = Path(given)
    if place.is_dir():
        found = sorted(path for path in place.iterdir() if path.suffix.lower() in EXTENSIONS)
    else:
        found = [place] if place.is_file() else sorted(Path(path) for path in glob.glob(given, recursive=True))
    stems = {path.stem for path in found}
    pictures = [path for path in found if not path.stem.endswith(MASK) or path.stem.removesuffix(MASK) not in stems]
    if not pictures:
        raise UserError(f"there are no pictures in {given}: give input=FILE, a folder or a pattern")
    return pictures


def destinations(pictures: list[Path], masks: Iterable[Path], output: Path) -> dict[Path, Path]:
    """Return the PNG that each picture's result is written to. Raises `UserError` where one would hide another."""
    targets = {path: output / f"{path.stem}.png" for path in pictures}
    inputs = {path.resolve() for path in (*pictures, *masks)}
    for path, target in targets.items():
        if target.resolve() in inputs:
            raise UserError(f"{target} is an input: give another folder with output=DIR")
        if list(targets.values()).count(target) > 1:
            raise UserError(f"{path} and another picture would both become {target}: rename one of them")
    return targets


def read(path: Path) -> Image.Image:
    """Return a picture as a person sees it, grey, RGB, or either with alpha. Raises `UserError` for all else."""
    with opened(path) as file:
        deep = has_16_bits(file)
        image = ImageOps.exif_transpose(file)
        image.load()
    if deep or image.mode.startswith(("I", "F")):
        raise UserError(f"{path} has more than 8 bits a sample: save it again with 8")
    if image.mode in ("L", "RGB", "LA", "RGBA") and "transparency" not in image.info:
        return image
    if image.mode == "1":
        return image.convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def has_16_bits(opened: Image.Image) -> bool:
    """Say whether a file, not yet decoded, has 16 bits a sample: Pillow would cut those of colors to 8, silently."""
    if not isinstance(opened, ImageFile.ImageFile):
        return False
    return any(";16" in str(layout) for *_, layout in opened.tile)


def mask_path(path: Path, given: str | None, pictures: int) -> Path:
    """Return where a picture's mask lies: the given file, or that of its stem in the given folder or beside it."""
    if given is not None and not Path(given).is_dir():
        if pictures > 1:
            raise UserError(f"mask={given} is one mask for {pictures} pictures: give a folder of masks")
        return Path(given)
    if given is None:
        return path.parent / f"{path.stem}{MASK}.png"
    marked, plain = (Path(given) / f"{path.stem}{end}.png" for end in (MASK, ""))
    return marked if marked.is_file() else plain


def complete(
    image: Image.Image,
    hole: NDArray[np.bool_],
    network: nn.Module,
    transform: Transform,
    budget: int,
    postprocess: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> Image.Image:
    """Return the picture with its hole filled, of the same mode; all else stays bit for bit, alpha included.

    Each tile is filled by itself; what is done afterwards is done once, around the whole hole.
    """
    tiles = tiling.split(hole, budget, getattr(network, "context", None), getattr(network, "multiple", 1))
    if not tiles:
        return image
    device = next((tensor.device for tensor in network.state_dict().values()), torch.device("cpu"))
    pixels = np.asarray(image.convert("RGB"))

    @torch.inference_mode()
    def fill(box: tiling.Box) -> NDArray[np.float32]:
        target = torch.from_numpy(pixels[box.slices].copy()).permute(2, 0, 1)[None]
        mask = torch.from_numpy(hole[box.slices].astype(np.uint8))[None, None]
        sample = transform.prepare({"target": target.to(device), "mask": mask.to(device)})
        output = transform.generate(network, sample)["output"]
        return np.asarray(output[0].permute(1, 2, 0).cpu().numpy(), np.float32)

    filled = tiling.merge(tiles, fill, *hole.shape)
    merged = np.where(hole[..., None], (filled.clip(0, 1) * 255).round().astype(np.uint8), pixels)
    if postprocess is not None:
        box = tiling.bounds(hole).grown(POSTPROCESSED, *hole.shape)
        output = torch.from_numpy(merged[box.slices].copy()).permute(2, 0, 1)[None] / 255.0
        mask = torch.from_numpy(hole[box.slices].astype(np.float32))[None, None]
        blended = postprocess(output, mask)[0].permute(1, 2, 0).mul(255).round()
        merged[box.slices] = blended.numpy().astype(np.uint8)
    found = Image.fromarray(merged)
    before = np.asarray(image)
    result = before.copy()
    if image.mode in ("L", "LA"):
        grey = np.asarray(found.convert("L"))
        result[hole] = grey[hole] if image.mode == "L" else np.stack((grey, before[..., 1]), axis=2)[hole]
    else:
        result[hole, :3] = np.asarray(found)[hole]
    return Image.fromarray(result)


def profile(image: Image.Image) -> bytes | None:
    """Return the color profile that still says what the pixels mean, if the file had one of that kind."""
    found = image.info.get("icc_profile")
    # Bytes 16 to 20 of a profile name its color space: that of a converted picture (CMYK) no longer holds.
    space = b"GRAY" if image.mode in ("L", "LA") else b"RGB "
    return found if isinstance(found, bytes) and found[16:20] == space else None


def save(image: Image.Image, path: Path, icc_profile: bytes | None) -> None:
    with replaced(path) as partial:
        image.save(partial, format="PNG", icc_profile=icc_profile)
