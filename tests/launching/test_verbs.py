"""The verbs there are."""

from __future__ import annotations

from henkan.config.trees import config_folder
from henkan.launching.verbs import verbs


def test_composed_verbs_have_a_root_config_and_the_others_none() -> None:
    roots = {path.stem for path in config_folder().glob("*.yaml")}
    assert roots == {verb.name for verb in verbs().values() if verb.composed}
