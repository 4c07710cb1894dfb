"""Statistics of the training split: computed once, exactly or on thousands of pictures out of more, and remembered."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from henkan.color import AB, BINS, bins_of, rgb_to_lab
from henkan.data.ahead import ahead
from henkan.data.cache import cache_folder, recalled, remember
from henkan.data.few import rank
from henkan.data.frame import no_larger
from henkan.data.kept import keeping_none
from henkan.data.pictures import Picture, Pictures
from henkan.errors import UserError

Statistics = dict[str, float | list[float]]
"""The name of each statistic to what was found."""
PICTURES_WORTH_A_BAR = 100
# Of more pictures so many are looked at. Photographs' means differ by 0.15: the mean of 5,000 is known within 0.002.
ENOUGH = 5_000
# Colors are counted on pictures no larger than this.
PRIOR_SIDE = 64


def measure(pictures: Pictures, wanted: Collection[str], cache: str | Path | None) -> Statistics:
    """Return the statistics of the training split that are `wanted`.

    `mean` has a value a channel, [red, green, blue] or [grey], of all pixels exactly, in [0, 1], as far as there are no
    more than `ENOUGH` pictures (of more, see `sample`); `deviation` is the mean of the pictures' own standard
    deviations (as Simo-Serra et al. 2016 release it); `classes` counts the classes that pictures belong to; `ab_prior`
    is how often each class of color occurs (see `ab_prior`). Remembered in `cache` by the contents of the split.
    """
    found: Statistics = {"classes": len(pictures.classes)} if "classes" in wanted else {}
    for group, function in (({"mean", "deviation"}, mean_and_own_deviation), ({"ab_prior"}, ab_prior)):
        if group & set(wanted):
            found |= {name: value for name, value in remembered(pictures, function, cache).items() if name in wanted}
    return found


def remembered(
    pictures: Pictures, function: Callable[[Iterable[Picture], int], Statistics], cache: str | Path | None
) -> Statistics:
    """Return what a function says of the training pictures, computed once."""
    names = sample(pictures.some_names("train"))
    # Some may have been left out of the split, or be passed over, which the manifest does not tell.
    told = [pictures.manifest_of(["train"]), names, *([vars(pictures.rejects)] if pictures.rejects is not None else [])]
    content = blake2b(json.dumps(told, default=str).encode(), digest_size=16).hexdigest()
    memory = cache_folder(cache) / "statistics" / f"{function.__name__}-{content}.json"
    known: Statistics | None = recalled(memory)
    if known is not None:
        return known
    pictures.prepare()
    shown = track(names, "statistics", console=Console(stderr=True), disable=len(names) < PICTURES_WORTH_A_BAR)
    readable = pictures.readable(shown)
    if len(names) >= PICTURES_WORTH_A_BAR and pictures.files(names[0]):
        readable = read_ahead(keeping_none(pictures), shown)
    first = next(readable, None)
    if first is None:
        kept = "can be read" if pictures.rejects is None else f"can be read and is not {pictures.rejects.reason}"
        raise UserError(f"{pictures.where}: none of {len(names)} training pictures {kept}: henkan data lists all")
    # A mask where edits are found, whatever they are found in.
    found = function(chain([first], readable), first.shape[2])
    remember(memory, found)
    return found


def sample(names: Sequence[str]) -> Sequence[str]:
    """Return all names, or of more than `ENOUGH` so many, by the hash of each: a new picture moves few of them."""
    return names if len(names) <= ENOUGH else sorted(sorted(names, key=rank)[:ENOUGH])


def read_ahead(pictures: Pictures, names: Iterable[str]) -> Iterator[Picture]:
    """Yield what `Pictures.readable` yields, in the same order, while several are read ahead."""

    def read(name: str) -> list[Picture]:
        return list(pictures.readable([name]))

    return chain.from_iterable(ahead(read, names))


def mean_and_own_deviation(pictures: Iterable[Picture], channels: int) -> Statistics:
    """Return `mean` of all pixels, exactly, and `deviation`: of all channels of a picture together, pictures alike."""
    values = np.arange(256)
    total, deviations = np.zeros((channels, 256), np.int64), []
    for picture in pictures:
        shown = [cv2.calcHist([picture], [channel], None, [256], [0, 256]) for channel in range(channels)]
        counts = np.reshape(shown, (channels, 256)).astype(np.int64)
        total += counts
        # Whole numbers, so that the sums are exact.
        count, sums, squares = int(counts.sum()), int((counts @ values).sum()), int((counts @ values**2).sum())
        deviations.append(math.sqrt(count * squares - sums**2) / (255 * count))
    means = [int(own @ values) / (255 * int(own.sum())) for own in total]
    return {"mean": means, "deviation": math.fsum(deviations) / len(deviations)}


def ab_prior(pictures: Iterable[Picture], channels: int) -> Statistics:
    """Return `ab_prior`: the share of pixels in each class of color (see `henkan.color.bins_of`), which sums to 1.

    Pictures count equally, each at no more than 64 pixels a side. Not smoothed.
    """
    total, count = torch.zeros(BINS**2, dtype=torch.float64), 0
    for picture in pictures:
        classes = bins_of(rgb_to_lab(small(picture, PRIOR_SIDE))[1:] / AB).flatten()
        total += torch.bincount(classes, minlength=BINS**2).double() / classes.numel()
        count += 1
    return {"ab_prior": (total / count).tolist()}


def small(picture: Picture, side: int) -> torch.Tensor:
    """Return a picture (3, h, w) in [0, 1] whose longer side has at most `side` pixels."""
    return torch.from_numpy(no_larger(picture, side)).permute(2, 0, 1).float().div(255.0)
