"""Masks of salient objects."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from published import published, there

from henkan.errors import MissingWeights, UserError
from henkan.pretrained.saliency import Saliency


@pytest.fixture(scope="module")
def saliency() -> Saliency:
    return Saliency(str(published("u2netp.onnx")))


def test_a_disc_on_a_plain_ground_is_the_object(saliency: Saliency) -> None:
    picture = np.full((150, 240, 3), (60, 130, 70), np.uint8)
    cv2.circle(picture, (90, 80), 40, (210, 60, 40), -1)
    disc = (picture == (210, 60, 40)).all(axis=2)
    found = saliency(picture)
    assert found.shape == (150, 240) and found.dtype == np.float32 and 0 <= found.min() <= found.max() <= 1
    inside = found > 0.5
    assert (inside & disc).sum() / (inside | disc).sum() > 0.9
    assert np.array_equal(saliency(picture), found)


def test_a_bear_on_ice_is_the_object(saliency: Saliency) -> None:
    picture = cv2.cvtColor(cv2.imread(str(there("data/bsds500/test/100007.jpg"))), cv2.COLOR_BGR2RGB)
    inside = saliency(picture) > 0.5
    rows, columns = np.nonzero(inside)
    # 481 x 321 pixels, the bear in the middle.
    assert 0.02 < inside.mean() < 0.06
    assert 95 < columns.min() < 115 and 225 < columns.max() < 250 and 130 < rows.min() < 145 and rows.max() < 215


def test_absent_and_damaged_files_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HENKAN_WEIGHTS", str(tmp_path))
    with pytest.raises(
        MissingWeights,
        match=r"^u2netp\.onnx is missing: download .*u2netp\.onnx, and put it into .* with henkan weights add FILE$",
    ):
        Saliency()
    (tmp_path / "u2netp.onnx").write_bytes(b"\x08\x06nothing of the kind")
    with pytest.raises(UserError, match=r"u2netp\.onnx is damaged, or no network for 320 x 320") as error:
        Saliency()
    assert "\n" not in str(error.value)
    for content, told in (
        (b"", "it is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS"),
    ):
        (tmp_path / "u2netp.onnx").write_bytes(content)
        with pytest.raises(UserError, match=told):
            Saliency()
