import numpy as np
import pytest
import torch

from henkan.degradations.identity import Identity
from henkan.errors import UserError
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


def test_a_share_of_the_samples_stays_clean() -> None:
    degradation, target = Identity(clean=0.25), np.zeros((4, 4, 1), np.uint8)
    drawn = [degradation.draw(target, generator_for(0, k)) for k in range(400)]
    clean = torch.tensor([item["clean"] for item in drawn])
    assert 0.18 < clean.float().mean() < 0.32
    # The rest of a sample does not depend on it.
    assert np.array_equal(drawn[0]["window"], Identity().draw(target, generator_for(0, 0))["window"])
    source, given = torch.rand(2, 400, 1, 4, 4)
    made = degradation.apply({"source": source, "target": given, "clean": clean})["source"]
    assert torch.equal(made, torch.where(clean.view(-1, 1, 1, 1) > 0, given, source))
    # What was drawn without, as all that is scored, is degraded by the same operator.
    assert torch.equal(degradation.apply({"source": source, "target": given})["source"], source)
    with pytest.raises(UserError, match="clean"):
        Identity(clean=1.5)
