"""Write the dashboard of a study for Weights & Biases: a workspace and a report, as the JSON that its server takes.

Panels are grouped by variant and the values of axes, with a band over the seeds: scores, losses, gradients, the
discriminator's accuracy, pictures. upload=true saves both on the server, as henkan sync does later; once more, it saves
the same two again.
entity=NAME is whose (WANDB_ENTITY, or the key's own), project=NAME where the runs are (WANDB_PROJECT, or henkan). What
study.yaml says can be said here too. The runs get there by logger.mode=online, or henkan sync.

  henkan dashboard mse_vs_gan
  henkan dashboard mse_vs_gan scale=paper upload=true entity=team
"""

from __future__ import annotations

import os

from henkan.errors import UserError
from henkan.report.dashboard import Dashboard, own_entity
from henkan.training.loggers.weights_and_biases import unreachable

OWN = ("entity", "project", "upload")


def main(arguments: list[str]) -> int:
    given = dict(word.split("=", 1) for word in arguments if word.partition("=")[0] in OWN and "=" in word)
    words = [word for word in arguments if word.partition("=")[0] not in OWN]
    if not words or "=" in words[0]:
        raise UserError("name a study: henkan dashboard mse_vs_gan (a folder of experiments/, or a path)")
    upload = given.get("upload", "false").lower()
    if upload not in ("true", "false"):
        raise UserError(f"upload={given['upload']}: it is true or false")
    if upload == "true" and (reason := unreachable()) is not None:
        raise UserError(f"W&B: {reason}; without upload=true the dashboard is written into files")
    entity = given.get("entity") or os.environ.get("WANDB_ENTITY") or (own_entity() if upload == "true" else "")
    project = given.get("project") or os.environ.get("WANDB_PROJECT") or "henkan"
    made = Dashboard.of(words[0], words[1:], entity, project)
    print("\n".join(str(path) for path in made.files))
    if upload == "true":
        print("\n".join(made.save()))
    return 0
