"""What is asked of generators that are to be averaged over views, or blended by pictures."""

from __future__ import annotations

from typing import Any

import pytest

from henkan.errors import UserError
from henkan.evaluation.blend import ensembled
from henkan.generators.unet import UNet
from henkan.networks.ensemble import SelfEnsemble


def config(task: str) -> Any:
    return {"evaluation": {"ensemble": True}, "task": {"_target_": task, "window": 8}}


def test_a_network_that_may_take_a_mask_is_one_of_pictures_alone_where_there_is_none() -> None:
    network = UNet(side=16, width=0.125)
    assert isinstance(ensembled(network, config("henkan.tasks.dehazing.Dehazing")), SelfEnsemble)
    with pytest.raises(UserError, match=r"evaluation\.ensemble is for generators .*, and this one asks for mask"):
        ensembled(network, config("henkan.tasks.completion.Completion"))
