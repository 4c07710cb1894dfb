"""The pictures that scores are of."""

from __future__ import annotations

from henkan.config.build import build
from henkan.config.resolved import Config, Node
from henkan.data.pictures import Pictures
from henkan.data.splits import Split
from henkan.data.stream import EvaluationSet
from henkan.degradations.degradation import never_clean


def scored(config: Config) -> Config:
    """Return the config with the degradation that scored pictures have, where it is another one."""
    own = config["evaluation"].get("degradation")
    return config if own is None else {**config, "degradation": own}


def evaluation_set(config: Config, pictures: Pictures, split: Split, framing: Node | None) -> EvaluationSet:
    """Return the pictures of a split, framed (null: whole) and degraded the same way in every run."""
    frame = None if framing is None else build(framing)
    degradation = build(never_clean(config["degradation"]))
    return EvaluationSet(pictures, split, frame, degradation, config["evaluation"]["seed"])
