"""One drawing, to fine-tune on."""

from __future__ import annotations

from pathlib import Path

from henkan.data.contents import hash_contents
from henkan.data.decode import decode
from henkan.data.drawings import grey
from henkan.data.pictures import Picture, Pictures
from henkan.data.splits import SPLITS, Split
from henkan.errors import UserError


class SinglePicture(Pictures):
    """One picture as grey, (H, W, 1), in the training split and in every other: there is nothing to hold out."""

    channels = 1

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser()
        if not self.path.is_file():
            raise UserError(f"there is no picture {self.path}")
        super().__init__([self.path.name], str(self.path))
        self._names = dict.fromkeys(SPLITS, (self.path.name,))

    def split(self, name: str) -> Split:
        return "train"

    def picture(self, name: str) -> Picture:
        return grey(decode(self.path))

    def manifest(self) -> str:
        return hash_contents(self.path.parent, [self.path.name], None)
