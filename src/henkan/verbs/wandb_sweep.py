"""Write a study as a sweep of Weights & Biases: a YAML file whose agents train its runs on any number of machines.

The agents share the runs among them through W&B's server; each starts `henkan train`. Where they share paths.runs too,
what one has done another does not do again. What study.yaml says can be said here too, as in `henkan study`; every
other override goes to each of the runs. project=NAME is W&B's (WANDB_PROJECT, or henkan), output=FILE where it goes.

  henkan wandb-sweep mse_vs_gan
  henkan wandb-sweep mse_vs_gan scale=paper seeds=[0,1] output=sweep.yaml
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from henkan.config.composition import compose_root
from henkan.config.objectives import is_of_a_set
from henkan.config.studies import read_study
from henkan.errors import UserError
from henkan.files import write_file
from henkan.saying import say
from henkan.sweeps.agents import as_yaml, sweep_of

OWN = ("output", "project")


def main(arguments: list[str]) -> int:
    given = dict(word.split("=", 1) for word in arguments if word.partition("=")[0] in OWN and "=" in word)
    words = [word for word in arguments if word.partition("=")[0] not in OWN]
    if not words or "=" in words[0]:
        raise UserError("name a study: henkan wandb-sweep mse_vs_gan (a folder of experiments/, or a path)")
    study = read_study(words[0], words[1:])
    _, _, overrides = next(study.runs())
    metric = compose_root("train", overrides).metric.items()
    # Validation takes no scores of whole sets.
    better = {name: node.get("better") for name, node in metric if not is_of_a_set(name, node)}
    project = given.get("project") or os.environ.get("WANDB_PROJECT") or "henkan"
    path = Path(given.get("output") or study.folder / "wandb-sweep.yaml")
    write_file(path, as_yaml(sweep_of(study, project, better)))
    for command in study.prepare:
        say(f"on each machine first: henkan {shlex.join(command)} scale={study.scale}")
    say(f"next: wandb sweep {path}, and on each machine: wandb agent ENTITY/{project}/ID")
    print(path)
    return 0
