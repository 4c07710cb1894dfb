"""A network called on pictures in memory: of every kind and task, and as `henkan predict` writes them."""

from __future__ import annotations

import copy
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import ExifTags, Image
from tiny_model import RECIPES, write_model, write_trained

from henkan.config.composition import compose_root
from henkan.config.trees import config_folder
from henkan.errors import UserError
from henkan.launching.execute import execute
from henkan.prediction.memory import like, mask_in, pictures_in
from henkan.prediction.model import Model, is_run, load
from henkan.runs.trained import named, own_config
from henkan.training import model_file
from henkan.zoo import networks

HOLE = np.s_[10:22, 14:29]


def page(task: str) -> np.ndarray:
    """A picture of an odd size; a drawing for tasks that are shown one."""
    picture = np.full((37, 45, 3), 255, np.uint8)
    if task in ("line_drawing", "sketch_to_picture"):
        cv2.line(picture, (4, 4), (40, 30), (0, 0, 0), 2)
        return picture[..., 0] if task == "line_drawing" else picture
    coarse = np.random.default_rng(0).integers(0, 256, (5, 6, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((45, 37), Image.Resampling.BICUBIC))


def beside(task: str) -> dict[str, Any]:
    if task == "completion":
        mask = np.zeros((37, 45), bool)
        mask[HOLE] = True
        return {"mask": mask}
    if task == "colorization":
        return {"points": [[20, 12, "#c04020"]]}
    if task == "sketch_to_picture":
        strokes = np.full((37, 45, 3), 255, np.uint8)
        strokes[20:30, 6:16] = (200, 30, 60)
        return {"strokes": strokes}
    return {}


def test_every_task_has_a_recipe_here() -> None:
    assert sorted(RECIPES) == sorted(path.stem for path in config_folder().glob("task/*.yaml"))


@pytest.mark.parametrize("task", RECIPES)
def test_a_model_file_on_pictures_of_every_kind(task: str, tmp_path: Path) -> None:
    file = write_model(tmp_path / "model.safetensors", task)
    model = load(file)
    assert (model.task, model.discriminator) == (task, None) and not model.generator.training
    picture, given = page(task), beside(task)
    made = model(picture, **given)
    assert made.dtype == np.uint8 and made.shape[:2] == tuple(side * (4 if "super" in task else 1) for side in (37, 45))
    assert len(np.unique(made)) > 1
    # What the command writes: its files are these.
    Image.fromarray(picture).save(tmp_path / "a.png")
    files = copy.copy(model.predictor)
    files.cfg = copy.deepcopy(files.cfg)
    for name, value in given.items():
        if isinstance(value, np.ndarray):
            Image.fromarray(value).save(tmp_path / f"{name}.png")
        files.cfg[name] = str(tmp_path / f"{name}.png") if isinstance(value, np.ndarray) else value
    files.expect([tmp_path / "a.png"])
    ((_, content),) = files(tmp_path / "a.png")
    with Image.open(BytesIO(content)) as written:
        assert np.array_equal(np.asarray(written), made)
        assert written.mode == model(Image.fromarray(picture), **given).mode
    # Floats, and tensors of both.
    whole = task == "segmentation"
    floats = model(picture / np.float32(255), **given)
    assert floats.dtype == (np.uint8 if whole else np.float32)
    assert np.array_equal(floats if whole else (255 * floats).round(), made)
    chw = torch.from_numpy(np.atleast_3d(picture).transpose(2, 0, 1).copy())
    answer = model(chw, **given)
    assert answer.dtype == torch.uint8
    assert np.array_equal(answer.permute(1, 2, 0).squeeze(-1).numpy(), made)
    batch = model(torch.stack((chw, chw)) / 255, **given)
    assert batch.shape == (2, *answer.shape)
    assert torch.equal(batch[1] if whole else (255 * batch[1]).round(), answer.to(batch.dtype))
    if task == "completion":
        known = ~given["mask"]
        assert np.array_equal(made[known], picture[known]) and (made[HOLE] != picture[HOLE]).any()
        values = np.random.default_rng(1).random((37, 45, 3))
        assert np.array_equal(model(values, **given)[known], values[known]), (
            "floats are not rounded where they are known"
        )


@pytest.fixture(scope="module")
def completion(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load(write_model(tmp_path_factory.mktemp("model") / "m.safetensors", "completion"))


def test_what_is_no_picture_costs_one_line(completion: Model) -> None:
    mask = beside("completion")["mask"]
    picture = page("completion")
    for wrong, said in (
        (picture.astype(np.int64), "samples of int64"),
        (picture.astype(np.float32), r"values from 0 to 255: floats are in \[0, 1\]"),
        (np.full((4, 4), np.nan), "values from nan"),
        (np.zeros((0, 4, 3), np.uint8), r"array of \(0, 4, 3\)"),
        (np.zeros((4, 4, 5), np.uint8), r"array of \(4, 4, 5\)"),
        (torch.zeros(4, 4), r"tensor of \(4, 4\)"),
        (torch.zeros(0, 3, 4, 4), "an empty batch"),
        ([[1, 2]], "is of list"),
        (Image.new("I", (4, 4)), "more than 8 bits"),
        (Image.new("RGB", (0, 9)), "the picture is empty"),
        (torch.zeros(3, 4, 4).to_sparse(), "sparse, quantized or empty kind"),
        (torch.zeros(3, 4, 4, device="meta"), "sparse, quantized or empty kind"),
    ):
        with pytest.raises(UserError, match=said):
            completion(wrong, mask=mask)
    with pytest.raises(UserError, match="what is missing is not said"):
        completion(picture)
    two = torch.from_numpy(np.stack((mask, mask)))[:, None]
    with pytest.raises(UserError, match="the mask is 2 pictures, and belongs to 1: give as many, or one for all"):
        completion(picture, mask=two)
    with pytest.raises(UserError, match="the picture: its mask is 45x36 pixels, the picture 45x37"):
        completion(picture, mask=mask[1:])
    with pytest.raises(UserError, match="its mask is empty"):
        completion(picture, mask=np.zeros_like(mask))
    with pytest.raises(UserError, match=r"strokes: .* does not take it \(completion\): it takes mask, remove"):
        completion(picture, mask=mask, strokes=picture)
    with pytest.raises(UserError, match="quality cannot be said at each call"):
        completion(picture, mask=mask, quality=3)
    with pytest.raises(UserError, match="the picture: the hole, 40 pixels wider, covers the whole picture: lower grow"):
        completion(picture, mask=mask, grow=40)
    for grow in (-1, "3", None):
        with pytest.raises(UserError, match=f"grow={grow} must be 0 pixels or more"):
            completion(picture, mask=mask, grow=grow)
    for megapixels in (None, True):
        with pytest.raises(UserError, match=f"megapixels={megapixels} must be above 0"):
            completion(picture, mask=mask, megapixels=megapixels)
    with pytest.raises(UserError, match="invert=yes must be true or false"):
        completion(picture, mask=mask, invert="yes")


def test_options_hold_for_one_call(completion: Model) -> None:
    picture, mask = page("completion"), beside("completion")["mask"]
    plain, wider = completion(picture, mask=mask), completion(picture, mask=mask, grow=3)
    assert (wider != picture).any(axis=2).sum() > (plain != picture).any(axis=2).sum()
    assert np.array_equal(completion(picture, mask=mask), plain)
    # Numbers may be NumPy's.
    for three in (np.int64(3), np.array(3), torch.tensor(3)):
        options: dict[str, Any] = {"grow": three, "megapixels": np.float32(1.0)}
        assert np.array_equal(completion(picture, mask=mask, **options), wider)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float32])
def test_masks_of_every_kind(kind: Any) -> None:
    mask = beside("completion")["mask"]
    assert np.array_equal(mask_in(mask.astype(kind), "the mask"), mask)
    assert np.array_equal(mask_in(torch.from_numpy(mask.astype(kind)), "the mask"), mask)
    assert np.array_equal(mask_in(Image.fromarray(mask.astype(np.uint8) * 255), "the mask"), mask)
    both = torch.stack((torch.from_numpy(mask), torch.from_numpy(~mask)))[:, None]
    assert np.array_equal(mask_in(both, "the mask", 1, count=2), ~mask)
    # Of two pictures; alone it would be a mask of grey and opacity.
    assert np.array_equal(mask_in(both[:, 0], "the mask", 1, count=2), ~mask)


def test_grey_keeps_its_axis_and_bfloat16_its_kind() -> None:
    given = np.full((5, 4, 1), 0.5)
    (image,), restored = pictures_in(given, "it")
    assert image.mode == "L" and np.array_equal(restored([image]), given)
    assert like(image.convert("RGB"), given, image).shape == (5, 4, 3)
    low = torch.full((1, 3, 5, 4), 0.5, dtype=torch.bfloat16)
    images, restored = pictures_in(low, "it")
    assert torch.equal(restored(images), low) and restored(images).dtype == torch.bfloat16


def test_a_picture_straight_from_its_file_is_seen_as_in_it(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    picture = Image.fromarray(page("completion"))
    picture.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "lying.png", exif=exif)
    with Image.open(tmp_path / "lying.png") as lying:
        (seen,), _ = pictures_in(lying, "it")
        assert np.array_equal(np.asarray(seen), picture)
        # Who has worked on it has it as he wants it.
        own = lying.rotate(270, expand=True)
    assert pictures_in(own, "it")[0][0].size == picture.size
    cv2.imwrite(str(tmp_path / "deep.png"), np.full((4, 4, 3), 40_000, np.uint16))
    with Image.open(tmp_path / "deep.png") as deep, pytest.raises(UserError, match="more than 8 bits"):
        pictures_in(deep, "it")


def test_the_command_takes_a_model_file(tmp_path: Path) -> None:
    file = write_model(tmp_path / "m.safetensors", "completion")
    Image.fromarray(page("completion")).save(tmp_path / "a.png")
    Image.fromarray(beside("completion")["mask"]).save(tmp_path / "a_mask.png")
    words = [f"model={file}", f"input={tmp_path / 'a.png'}", f"output={tmp_path / 'out'}"]
    assert execute("predict", words).code == 0
    with Image.open(tmp_path / "out" / "a.png") as written:
        assert np.array_equal(np.asarray(written), load(file)(page("completion"), **beside("completion")))


def test_a_strange_model_file_is_read_and_not_executed(tmp_path: Path) -> None:
    file = write_model(tmp_path / "m.safetensors", "dehazing")
    cfg = compose_root("predict", [f"run={file}"])
    assert own_config(cfg).recipe == "aod_net"
    config = OmegaConf.create(model_file.said(file)["config"])
    config.task = {"_target_": "builtins.eval", "_args_": ["1"]}
    model_file.write(file, {"a": torch.zeros(1)}, {"config": OmegaConf.to_yaml(config)})
    with pytest.raises(UserError, match=r"task\._target_=builtins\.eval is no class that henkan has"):
        own_config(cfg)
    model_file.write(file, {"a": torch.zeros(1)}, {"config": "a: &b [1]\nc: *b\n"})
    with pytest.raises(UserError, match="has aliases"):
        own_config(cfg)
    model_file.write(file, {"a": torch.zeros(1)}, {})
    with pytest.raises(UserError, match="holds weights alone, and no config"):
        own_config(cfg)
    file.write_bytes(file.read_bytes()[:20])
    with pytest.raises(UserError, match="is damaged"):
        own_config(cfg)


def test_networks_are_named_or_the_nearest_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "FOLDER", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="there is no model 'lines'; none came with this version"):
        networks.find("lines")
    (tmp_path / "lines.safetensors").touch()
    (tmp_path / "lines").mkdir()
    assert networks.find("lines") == networks.resolved("model:lines") == tmp_path / "lines.safetensors"
    assert networks.resolved("runs/lines") == Path("runs/lines")
    with pytest.raises(UserError, match=r"no model 'linse' \(did you mean 'lines'\?\); there are: lines"):
        networks.find("linse")
    with pytest.raises(UserError, match=r"there is no model file .*none\.safetensors"):
        networks.find(str(tmp_path / "none.safetensors"))
    # A folder that happens to have the name of a network is no run.
    assert not is_run(Path("lines")) and not is_run(tmp_path / "lines.safetensors") and is_run(tmp_path)
    both = OmegaConf.create({"model": "lines", "run": "a"})
    with pytest.raises(UserError, match="model=lines and run=a are two networks"):
        named(both)


def test_places_of_this_machine_are_in_no_file(tmp_path: Path) -> None:
    from henkan.exporting.source import without_places

    assert without_places({"data": {"path": "/home/me/photos"}, "of": ["/a/b.png", "c/d", 3]}) == {
        "data": {"path": "photos"},
        "of": ["b.png", "c/d", 3],
    }


def test_a_file_that_pillow_cannot_read_any_more_is_one_line(completion: Model, tmp_path: Path) -> None:
    mask, path = beside("completion")["mask"], tmp_path / "a.jpg"
    Image.fromarray(page("completion")).save(path)
    with Image.open(path) as closed:
        pass
    with pytest.raises(UserError, match=r"the picture cannot be decoded \(its file is closed\)"):
        completion(closed, mask=mask)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - 200])
    with pytest.raises(UserError, match="the picture cannot be decoded .*: open it again"):
        completion(Image.open(path), mask=mask)


@pytest.mark.parametrize(
    "degradation",
    [
        {"_target_": "henkan.degradations.holes.Rectangle", "low": 4, "high": 8, "window": 16, "fill": [0.2, 0.4, 0.6]},
        {"_target_": "henkan.degradations.identity.Identity", "fill": [0.2, 0.4, 0.6]},
        # A run of before the color of holes in samples on disk was noted.
        {"_target_": "henkan.degradations.identity.Identity"},
        # Silhouettes are on another machine.
        {
            "_target_": "henkan.degradations.object_mask.ObjectMask",
            "silhouettes": {"_target_": "henkan.data.image_folder.ImageFolder", "path": "/nowhere"},
            "share": [0.1, 0.2],
            "fill": [0.2, 0.4, 0.6],
        },
    ],
)
def test_a_hole_is_shown_as_in_training_and_never_what_is_in_it(degradation: dict[str, Any], tmp_path: Path) -> None:
    folder = write_trained(tmp_path / "run", "completion")
    config = OmegaConf.load(folder / "config.yaml")
    config.degradation, config.statistics.mean = degradation, [0.2, 0.4, 0.6]
    OmegaConf.save(config, folder / "config.yaml")
    model, shown = load(folder), list[Any]()

    def note(_: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        shown.append(next(iter((*given, *named.values()))))

    model.predictor.network.register_forward_pre_hook(note, with_kwargs=True)
    mask, picture = beside("completion")["mask"], page("completion").copy()
    picture[mask] = (255, 0, 0)
    model(picture, mask=mask)
    (seen,) = shown
    # Made larger to what the network takes.
    hole = seen[0][:, :37, :45].cpu()[:, torch.from_numpy(mask)]
    assert torch.allclose(hole, torch.tensor([0.2, 0.4, 0.6])[:, None].expand_as(hole))
