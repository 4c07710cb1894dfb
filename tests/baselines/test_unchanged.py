"""The picture as it was given."""

from __future__ import annotations

import torch

from henkan.baselines.unchanged import Unchanged


def test_nothing_changes_but_a_sketch_lies_on_its_strokes() -> None:
    picture = torch.rand(2, 3, 4, 5)
    assert torch.equal(Unchanged()(picture)["raw"], picture)
    sketch = torch.ones(1, 1, 2, 2)
    sketch[..., 0, 0] = 0
    strokes = torch.full((1, 3, 2, 2), 0.5)
    made = Unchanged()(torch.cat((sketch, strokes), 1))["raw"]
    assert made[0, :, 0, 0].tolist() == [0, 0, 0] and made[0, :, 1, 1].tolist() == [0.5, 0.5, 0.5]
