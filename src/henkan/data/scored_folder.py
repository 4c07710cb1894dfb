"""A folder of pictures that are only ever scored, as the published test sets are."""

from __future__ import annotations

from henkan.data.image_folder import ImageFolder
from henkan.data.splits import Split


class ScoredFolder(ImageFolder):
    """The pictures in a folder and all folders below it, all of them of the test split."""

    rule = "all of them scored"

    def split(self, name: str) -> Split:
        return "test"
