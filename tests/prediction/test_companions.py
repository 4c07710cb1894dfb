"""Which mask belongs to which picture."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from henkan.prediction.companions import masks_of
from henkan.prediction.retargeting import Companions


def files(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.mark.parametrize("ending", ["png", "jpg", "WEBP", "tif"])
@pytest.mark.parametrize("mark", ["_mask", ""])
def test_a_mask_in_a_folder_is_a_picture_of_any_kind(mark: str, ending: str, tmp_path: Path) -> None:
    files(tmp_path / "masks", f"a{mark}.{ending}", "b.txt")
    picture = tmp_path / "a.jpg"
    assert masks_of([picture], tmp_path / "masks") == {picture: tmp_path / "masks" / f"a{mark}.{ending}"}


def test_marked_before_bare_and_png_before_others(tmp_path: Path) -> None:
    files(tmp_path, "a.png", "a_mask.webp", "a_mask.png", "a_mask.jpg", "b.png", "b.jpg")
    a, b = Path("a.jpg"), Path("b.jpg")
    assert masks_of([a, b], tmp_path) == {a: tmp_path / "a_mask.png", b: tmp_path / "b.png"}


def test_beside_the_picture_it_is_marked(tmp_path: Path) -> None:
    files(tmp_path, "a.png", "a_mask.jpg", "b.png")
    a, b = tmp_path / "a.png", tmp_path / "b.png"
    assert masks_of([a, b], None) == {a: tmp_path / "a_mask.jpg", b: tmp_path / "b_mask.png"}


def test_where_the_picture_lies_before_the_top(tmp_path: Path) -> None:
    files(tmp_path, "masks/sub/a.jpg", "masks/a.png", "masks/b.png")
    a, b = Path("in/sub/a.png"), Path("in/sub/b.png")
    found = masks_of([a, b], tmp_path / "masks", lambda path: path.parent.relative_to("in"))
    assert found == {a: tmp_path / "masks/sub/a.jpg", b: tmp_path / "masks/b.png"}


def test_one_file_is_the_mask_of_all_and_a_missing_one_has_a_name(tmp_path: Path) -> None:
    a, b = Path("a.png"), Path("b.png")
    assert masks_of([a, b], Path("hole.png")) == {a: Path("hole.png"), b: Path("hole.png")}
    assert masks_of([a], tmp_path) == {a: tmp_path / "a.png"}


def test_what_is_important_and_what_moves_lie_as_the_pictures_do(tmp_path: Path) -> None:
    files(tmp_path, "in/a.png", "in/sub/a.png", "maps/a.png", "maps/sub/a.jpg")
    top, below = tmp_path / "in/a.png", tmp_path / "in/sub/a.png"
    wanted = {top: tmp_path / "maps/a.png", below: tmp_path / "maps/sub/a.jpg"}
    for key, move in (("importance", None), ("mask", [4, 0])):
        cfg = OmegaConf.create({"mask": None, "importance": None, "move": move, key: str(tmp_path / "maps")})
        found = Companions(cfg, [top, below], lambda path: path.parent.relative_to(tmp_path / "in"))
        assert {**found.masks, **found.importance} == wanted
