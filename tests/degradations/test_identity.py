import numpy as np
import torch

from henkan.degradations.identity import Identity
from henkan.randomness import generator_for


def test_everything_is_missing() -> None:
    drawn = Identity().draw(np.zeros((5, 7, 3), np.uint8), generator_for(0))
    assert drawn["mask"].shape == (1, 5, 7) and drawn["mask"].dtype == np.uint8 and drawn["mask"].all()
    for key in ("window", "window_real"):
        assert drawn[key].dtype == np.int64 and (drawn[key] >= 0).all() and (drawn[key] < (5, 7)).all()


def test_the_draw_is_a_function_of_the_generator() -> None:
    target = np.zeros((50, 70, 3), np.uint8)
    first, again, other = (Identity().draw(target, generator_for(seed))["window"].tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_a_given_source_stays() -> None:
    source, target = torch.rand(2, 1, 3, 4, 4)
    assert Identity().apply({"source": source, "target": target})["source"] is source
    assert Identity().apply({"target": target})["source"] is target
