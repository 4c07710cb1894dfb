"""The words of a command line as overrides: the form in which an agent of a W&B sweep gives them too.

By default an agent starts `henkan train --weights.adversarial=0.1`, which is `henkan train weights.adversarial=0.1`;
`overrides=` holds several in one, as `henkan wandb-sweep` writes them for a variant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# Of Hydra's own flags, those that take a value and may be written with `=`.
FLAGS = (
    "cfg",
    "config-dir",
    "config-name",
    "config-path",
    "experimental-rerun",
    "info",
    "package",
)
SEVERAL = "overrides"


def as_overrides(words: Sequence[str]) -> list[str]:
    """Return words with `--key=value` as `key=value`, unless it is a flag, and each of `overrides=` by itself."""
    found = []
    for word in words:
        match = re.fullmatch(r"--([^=-][^=]*)=(.*)", word, re.DOTALL)
        if match is not None and match[1] not in FLAGS:
            # As an agent spells what is null in a sweep's YAML.
            word = f"{match[1]}={'null' if match[2] == 'None' else match[2]}"
        key, _, value = word.partition("=")
        found += split(value) if key == SEVERAL else [word]
    return found


def split(text: str) -> list[str]:
    """Split overrides at the spaces that are in no quotes and no brackets."""
    return re.findall(r"(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\[[^\]]*\]|\{[^}]*\}|\S)+", text)
