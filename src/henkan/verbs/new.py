"""Start a loss, a generator, a discriminator, a metric, a degradation, data, an augmentation or a task of your own.

Writes NAME.py, conf/KIND/NAME.yaml and tests/test_NAME.py in the working directory, from a template that works at once:
change it from there. `pytest` runs the test, and `henkan check` tries all that is yours.

  henkan new loss sharper_edges
  henkan new generator|discriminator|metric|degradation|data|augmentation|task NAME
"""

from __future__ import annotations

from pathlib import Path

from henkan.errors import UserError
from henkan.starting.start import KINDS, start


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        raise UserError(f"name a kind and a name, as in henkan new loss sharper_edges; kinds are {', '.join(KINDS)}")
    started = start(arguments[0], arguments[1], Path.cwd())
    for path in started.files:
        print(path.relative_to(Path.cwd()))
    print(f"\n{started.command}\nhenkan check\npytest")
    return 0
