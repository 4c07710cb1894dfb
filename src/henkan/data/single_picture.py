"""One picture: a drawing to fine-tune on, a photograph to paint anew."""

from __future__ import annotations

from pathlib import Path

from henkan.data.contents import hash_contents
from henkan.data.decode import decode
from henkan.data.drawings import grey
from henkan.data.kept import Kept
from henkan.data.photographs import picture_file
from henkan.data.pictures import Picture, Pictures
from henkan.data.splits import SPLITS, Split
from henkan.errors import UserError


class SinglePicture(Pictures):
    """One picture in the training split and in every other: there is nothing to hold out.

    `path` is a file, or the name of a sample photograph; `channels` 1 shows it as grey, (H, W, 1), 3 in color.
    """

    rule = "the same one in every split"

    def __init__(self, path: str | Path, channels: int = 1) -> None:
        if channels not in (1, 3):
            raise UserError(f"data.channels={channels} must be 1 (grey) or 3 (color)")
        self.path, self.channels = picture_file(path), channels
        super().__init__([self.path.name], str(self.path))
        self._kept = Kept()
        self._names = dict.fromkeys(SPLITS, (self.path.name,))

    def split(self, name: str) -> Split:
        return "train"

    def picture(self, name: str) -> Picture:
        return self._kept(self.path, self._decoded)

    def _decoded(self, path: Path) -> Picture:
        picture = decode(path)
        return grey(picture) if self.channels == 1 else picture

    def files(self, name: str) -> tuple[Path, ...]:
        return (self.path,)

    def manifest(self) -> str:
        return hash_contents(self.path.parent, [self.path.name], None)
