"""What the augmentation mine_augmentation shows of a picture, and that a run trains on that."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from henkan.trying.options import built, tried

FOLDER = Path(__file__).parents[1]


def test_frames_lie_in_the_picture_and_have_one_size() -> None:
    framing = built("augmentation", "mine_augmentation", FOLDER)
    picture = np.arange(40 * 60 * 3, dtype=np.uint8).reshape(40, 60, 3)
    for seed in range(20):
        frame = framing.draw(40, 60, np.random.default_rng(seed), "a.png")
        assert 20 <= frame.side <= 40
        assert 0 <= frame.top <= 40 - frame.side and 0 <= frame.left <= 60 - frame.side
        assert frame(picture).shape == (framing.size, framing.size, 3)


def test_a_run_trains_on_them() -> None:
    tried("augmentation", "mine_augmentation", FOLDER)
