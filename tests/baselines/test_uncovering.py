"""What an object newly hides has its say in what was behind it, where it fits."""

from __future__ import annotations

import numpy as np
import pytest

from henkan.baselines.nearest import NearestField
from henkan.baselines.patchmatch import mean_into, whole
from henkan.baselines.uncovering import Uncovering
from henkan.randomness import generator_for

HOLE, COVER = np.s_[10:24, 10:24], np.s_[10:24, 36:50]


@pytest.mark.parametrize("alike", [True, False], ids=["what fits", "what does not"])
def test_what_is_hidden_votes_where_it_fits(alike: bool) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (34, 60, 3), np.uint8)
    if alike:
        picture[COVER] = picture[HOLE]
    hole, cover = (np.zeros(picture.shape[:2], bool) for _ in range(2))
    hole[HOLE] = cover[COVER] = True
    uncover = Uncovering(cover)
    level = uncover._pyramid(picture, hole)[0]
    # A filling that is off by something, every pixel of it by one patch.
    off = np.random.default_rng(1).normal(0, 8, level.colors.shape)
    total = np.dstack([level.colors + off, np.ones(hole.shape)])
    queries = ~level.sources
    start = np.argwhere(level.sources)[: np.count_nonzero(queries)].T.astype(np.int32)
    field = NearestField(level.sources, queries, 7, start, generator_for(0, "test"))
    field.cost[:] = 50
    visible = whole(cover, 7)
    hidden = level.sources & ~visible

    def error() -> float:
        return float(np.abs(mean_into(level.colors, hole, total) - level.colors)[hole].mean())

    before = error()
    found = uncover._found(hidden, visible, field, level, total)
    assert visible[found.y, found.x].all()
    uncover._complete(total, found, field, level)
    assert (total[~cover, 3] >= 1).all() and (total[cover, 3] == 1).all()
    assert error() < 0.8 * before if alike else error() == pytest.approx(before, rel=0.02)


def test_each_level_knows_what_is_covered() -> None:
    hole, cover = (np.zeros((65, 91), bool) for _ in range(2))
    hole[10:40, 10:40], cover[20, 60] = True, True
    uncover = Uncovering(cover)
    levels = uncover._pyramid(np.zeros((65, 91, 3), np.uint8), hole)
    assert len(levels) > 1
    for step, level in enumerate(levels):
        assert np.argwhere(uncover.covers[level.hole.shape]).tolist() == [[20 >> step, 60 >> step]]
