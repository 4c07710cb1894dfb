"""Terms of one's own in few words: which files are, and which say everything themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from henkan.config.short import in_full, write_in_full


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1, 2]",
        "mine: {weight: 1.0}",
        "{defaults: [mse], mine: {_target_: mine.Mine}}",
        # It says itself what it goes by.
        "mine: {_target_: mine.Mine, weight: '${weights.mse}'}",
        "{loss: {mine: {_target_: mine.Mine}}, weights: {mine: 1.0}}",
    ],
)
def test_what_is_said_otherwise_stays(text: str, tmp_path: Path) -> None:
    assert in_full(OmegaConf.create(text)) is None
    (tmp_path / "loss").mkdir()
    (tmp_path / "loss" / "mine.yaml").write_text(text)
    write_in_full(tmp_path)
    assert (tmp_path / "loss" / "mine.yaml").read_text() == text


def test_settings_stay_beside_the_weight() -> None:
    full = in_full(OmegaConf.create("mine: {_target_: mine.Mine, reads: {input: prediction}, weight: 3}"))
    assert full is not None
    assert full.loss.mine == {"_target_": "mine.Mine", "reads": {"input": "prediction"}, "weight": 3}
    assert full.weights.mine == 3
