"""A data set of Hugging Face's package `datasets`, as it lies on this disk; nothing is fetched or streamed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Unpack

from henkan.data.cache import cache_folder
from henkan.data.decode import decode
from henkan.data.folder import Folder, Given
from henkan.data.pictures import Layer, Picture
from henkan.errors import BrokenPicture, UserError

# What `save_to_disk` leaves in a folder: of several splits, of one.
SAVED = ("dataset_dict.json", "state.json")


class HuggingFace(Folder):
    """Pictures in the columns of a data set: a folder that `save_to_disk` wrote, Parquet files, an image folder.

    `target` is the column of the pictures to be made, `source` that of what the network is shown, null where there is
    none. The data set's own splits are taken, by what they are called; where it has only one, pictures are split by
    hash. A picture is called by its split and its row. What `datasets` prepares goes into `cache`. Raises `UserError`
    where the package is absent, for a path that is not there, and for columns that hold no pictures.
    """

    def __init__(
        self,
        path: str | Path,
        cache: str | Path | None = None,
        target: str = "image",
        source: str | None = None,
        **given: Unpack[Given],
    ) -> None:
        # As the package itself tells files.
        place = Path(path).expanduser().resolve()
        self.columns = {"target": target, **({} if source is None else {"source": source})}
        folder = place if place.is_dir() else place.parent
        parts, files = loaded(place, cache)
        self._parts = {part: as_bytes(rows, list(self.columns.values()), place) for part, rows in parts.items()}
        self._of = {part: [os.path.relpath(file, folder) for file in own] for part, own in files.items()}
        several = len(self._parts) > 1
        names = [
            f"{part}/{row:07d}" if several else f"{row:07d}"
            for part, rows in self._parts.items()
            for row in range(len(rows))
        ]
        if not names:
            raise UserError(f"{place} holds no row: give another data.path")
        super().__init__(folder, names, cache, **given)

    def picture(self, name: str) -> Picture:
        return self._read(name, "target")

    def companions(self, name: str) -> dict[str, Layer]:
        return {layer: self._read(name, layer) for layer in self.columns if layer != "target"}

    def _part(self, name: str) -> str:
        return name.rpartition("/")[0] or next(iter(self._parts))

    def _read(self, name: str, layer: str) -> Picture:
        part, row, column = self._part(name), int(name.rpartition("/")[2]), self.columns[layer]
        found = self._parts[part][row][column]
        if found is None:
            raise BrokenPicture(f"{self.path}: row {row} of {part} has no {column}: remove it")
        if found["bytes"] is None:
            return decode(Path(found["path"]))
        return decode(self.path / part / f"{row}.{column}", found["bytes"])

    def files(self, name: str) -> tuple[Path, ...]:
        return tuple(self.path / file for file in self._of[self._part(name)])

    def members(self, names: Iterable[str]) -> Iterable[str]:
        parts = dict.fromkeys(map(self._part, names))
        return dict.fromkeys(file for part in parts for file in self._of[part])


def loaded(place: Path, cache: str | Path | None) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Return the rows of each split of a data set, and the files that they are in."""
    try:
        import datasets
    except ImportError as error:
        raise UserError("data=hugging_face needs the package datasets: pip install 'henkan[hf]'") from error
    if not place.exists():
        raise UserError(
            f"there is no data set {place}: give local files (data.path=...), which hf download --repo-type dataset "
            "fetches, or save_to_disk of datasets writes"
        )
    try:
        if any((place / name).is_file() for name in SAVED):
            found = datasets.load_from_disk(str(place))
            parts = dict(found) if isinstance(found, datasets.DatasetDict) else {"train": found}
            return parts, {part: [file["filename"] for file in rows.cache_files] for part, rows in parts.items()}
        kept = str(cache_folder(cache) / "hugging_face")
        if place.is_file():
            builder = datasets.load_dataset_builder("parquet", data_files=str(place), cache_dir=kept)
        else:
            builder = datasets.load_dataset_builder(str(place), cache_dir=kept)
        builder.download_and_prepare()
        own = builder.config.data_files
        return dict(builder.as_dataset()), {str(part): [str(file) for file in files] for part, files in own.items()}
    except (OSError, ValueError, LookupError, datasets.exceptions.DatasetsError) as error:
        why = " ".join(str(error).split())
        raise UserError(f"{place} cannot be read as a data set ({why}): save it again, or give another") from error


def as_bytes(rows: Any, columns: list[str], place: Path) -> Any:
    """Return a split's columns of pictures, as the bytes that were stored: they are decoded as files are."""
    import datasets

    pictures = [name for name, feature in rows.features.items() if isinstance(feature, datasets.Image)]
    for column in columns:
        if column not in pictures:
            raise UserError(
                f"{place} has no column {column} of pictures; such are: {', '.join(pictures) or 'none'} (data.target, "
                "data.source)"
            )
    found = rows.select_columns(columns)
    for column in columns:
        found = found.cast_column(column, datasets.Image(decode=False))
    return found
