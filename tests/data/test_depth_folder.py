"""Pictures with depth maps: read, framed as their pictures are, and said by name where one is missing or wrong."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from omegaconf import OmegaConf
from pictures_on_disk import folder_of
from PIL import Image

from henkan.config.build import build
from henkan.config.composition import compose_root
from henkan.data.decode import decode
from henkan.data.depth_folder import DepthFolder, read_depth
from henkan.data.framing import CropFlip, Fit
from henkan.data.stream import EvaluationSet, TrainingStream, collate
from henkan.degradations.identity import Identity
from henkan.errors import UserError
from henkan.prediction.pictures import read
from henkan.sample import to_float

NAMES = ["train/a.jpg", "train/b.png", "test/c.png"]


def scenes(path: Path, dtype: type[np.unsignedinteger], names: list[str] = NAMES) -> Path:
    """Pictures whose maps rise from left to right, up to the largest value."""
    folder_of(path / "target", names)
    ramp = np.tile(np.linspace(0, np.iinfo(dtype).max, 16), (12, 1)).round().astype(dtype)
    for name in names:
        file = (path / "depth" / name).with_suffix(".png")
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), ramp)
    return path


@pytest.mark.parametrize(("dtype", "step"), [(np.uint8, 1 / 255), (np.uint16, 1 / 65535)])
def test_maps_of_8_and_16_bits_are_shares_of_their_largest_value(
    tmp_path: Path, dtype: type[np.unsignedinteger], step: float
) -> None:
    depth = DepthFolder(scenes(tmp_path, dtype)).companions("train/a.jpg")["depth"]
    assert depth.shape == (12, 16, 1) and depth.dtype == np.float32
    assert np.abs(depth[3, :, 0] - np.linspace(0, 1, 16)).max() <= step
    in_meters = DepthFolder(tmp_path, unit=0.001).companions("train/a.jpg")["depth"]
    assert in_meters.max() == pytest.approx(0.001 * np.iinfo(dtype).max)


def test_a_map_is_framed_as_its_picture_is(tmp_path: Path) -> None:
    data = DepthFolder(scenes(tmp_path, np.uint16))
    # The picture says where it was cut and how it was mirrored.
    ramp = np.tile(np.linspace(0, 255, 16), (12, 1)).round().astype(np.uint8)
    for name in NAMES:
        Image.fromarray(np.repeat(ramp[..., None], 3, axis=2)).save(tmp_path / "target" / name)
    stream = TrainingStream(data, CropFlip(8, (8, 10)), Identity(), seed=0)
    batch = to_float(collate([stream["generator", k] for k in range(12)]))
    assert batch["depth"].shape == (12, 1, 8, 8) and batch["depth"].dtype == batch["target"].dtype
    falls = batch["depth"][:, 0, :, 0] > batch["depth"][:, 0, :, -1]
    assert falls.any() and not falls.all()
    assert (batch["depth"] - batch["target"][:, :1]).abs().max() < 0.03


def test_bent_pictures_keep_the_numbers_of_their_map(tmp_path: Path) -> None:
    node = compose_root("train", ["augmentation=distortions", "scale.size=8", "augmentation.tones=null"]).augmentation
    framing = build(OmegaConf.to_container(node, resolve=True))
    stream = TrainingStream(DepthFolder(scenes(tmp_path, np.uint16)), framing, Identity(), seed=0)
    depth = collate([stream["generator", k] for k in range(4)])["depth"]
    assert ((depth > 0.05) & (depth < 0.95)).float().mean() > 0.5


def test_haze_follows_the_map(tmp_path: Path) -> None:
    haze = build(OmegaConf.to_container(compose_root("train", ["degradation=haze"]).degradation))
    item = EvaluationSet(DepthFolder(scenes(tmp_path, np.uint8)), "test", None, haze, 0)[0]
    sample = haze.apply(to_float(collate([item])))
    beta = haze.describe(sample["parameters"][0].tolist())["beta"]
    found = sample["transmission"][0, 0, 5].log().numpy() / -beta
    assert np.abs(found - np.linspace(0, 1, 16)).max() < 1 / 255


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    scenes(tmp_path, np.uint8)
    (tmp_path / "depth" / "train" / "b.png").unlink()
    with pytest.raises(UserError, match=r"depth lacks the partners of 1 pictures: train/b\.png"):
        DepthFolder(tmp_path)
    with pytest.raises(UserError, match="unit=0"):
        DepthFolder(scenes(tmp_path, np.uint8), unit=0.0)
    Image.new("L", (15, 12)).save(tmp_path / "depth" / "test" / "c.png")
    with pytest.raises(UserError, match=r"test/c\.png: its depth is 15x12 pixels, its target 16x12"):
        EvaluationSet(DepthFolder(tmp_path), "test", None, Identity(), 0)[0]
    Image.new("RGB", (16, 12)).save(tmp_path / "depth" / "test" / "c.png")
    with pytest.raises(UserError, match=r"c\.png is no depth map but a picture of mode RGB"):
        DepthFolder(tmp_path).companions("test/c.png")


def test_the_manifest_covers_the_maps(tmp_path: Path) -> None:
    first = DepthFolder(scenes(tmp_path, np.uint8)).manifest()
    Image.new("L", (16, 12)).save(tmp_path / "depth" / "test" / "c.png")
    assert DepthFolder(tmp_path).manifest() != first


def test_a_map_that_is_resized_keeps_its_values(tmp_path: Path) -> None:
    data = DepthFolder(scenes(tmp_path, np.uint16), unit=0.0001)
    depth = EvaluationSet(data, "test", Fit(8), Identity(), 0)[0]["depth"]
    assert depth.dtype == np.float32 and depth.shape[1:] == (6, 8)
    expected = np.linspace(0, 6.5535, 16).reshape(8, 2).mean(1)
    assert np.abs(depth[0, 3] - expected).max() < 1e-3


def test_a_pgm_of_16_bits_is_one(tmp_path: Path) -> None:
    values = (np.arange(12).reshape(3, 4) * 5000).astype(np.uint16)
    (tmp_path / "a.pgm").write_bytes(b"P5 4 3 65535\n" + values.astype(">u2").tobytes())
    assert np.array_equal(read_depth(tmp_path / "a.pgm", 1.0)[..., 0], values)
    assert np.abs(decode(tmp_path / "a.pgm")[..., 0] - values / 257).max() <= 0.5
    # Of colors Pillow keeps 8 of the 16.
    colors = np.repeat(values[..., None], 3, axis=2).astype(">u2")
    (tmp_path / "a.ppm").write_bytes(b"P6 4 3 65535\n" + colors.tobytes())
    with pytest.raises(UserError, match="more than 8 bits a sample"):
        read(tmp_path / "a.ppm")
