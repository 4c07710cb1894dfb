"""Pictures that nothing about color can be learned from: found once, counted, and left out of training."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.progress import track

from henkan import color
from henkan.data.cache import cache_folder, recalled, remember
from henkan.data.pictures import Picture, Pictures
from henkan.data.statistics import PICTURES_WORTH_A_BAR, small
from henkan.errors import UserError
from henkan.ranks import say


class NearGrey:
    """Finds training pictures whose ranges of a and b together are below `least` (Zhang et al. 2017: 5).

    Looked at no larger than `side` pixels, so that noise is no color. What was found is remembered in `cache` by the
    manifest of the pictures.
    """

    def __init__(self, least: float = 5.0, side: int = 128, cache: str | Path | None = None) -> None:
        self.least, self.side, self.cache = least, side, cache

    def leave_out(self, pictures: Pictures) -> None:
        """Take near-grey pictures out of the training split, and say how many; raises `UserError` if that is all."""
        if pictures.channels != 3:
            raise UserError(f"{pictures.where} gives grey drawings, which nothing about color is learned from: ~screen")
        names = pictures.some_names("train")
        grey = self.found(pictures)
        if len(grey) == len(names):
            raise UserError(f"{pictures.where}: all {len(names)} training pictures are grey: give colored ones")
        if grey:
            say(f"{len(grey)} of {len(names)} training pictures are near grey and left out")
        pictures.leave_out(grey)

    def found(self, pictures: Pictures) -> list[str]:
        """Return the names of the training pictures that are near grey."""
        folder = cache_folder(self.cache) / "near_grey"
        memory = folder / f"{pictures.manifest()}-{self.least:g}-{self.side}.json"
        known: list[str] | None = recalled(memory)
        if known is not None:
            return known
        pictures.prepare()
        names = pictures.some_names("train")
        quiet = len(names) < PICTURES_WORTH_A_BAR
        shown = track(names, "looking for grey pictures", console=Console(stderr=True), disable=quiet)
        grey = [name for name in shown if any(map(self, pictures.readable([name])))]
        remember(memory, grey)
        return grey

    def __call__(self, picture: Picture) -> bool:
        """Return whether a picture (H, W, 3) is near grey."""
        ab = color.rgb_to_lab(small(picture, self.side))[1:].flatten(1)
        return float((ab.amax(1) - ab.amin(1)).sum()) < self.least
