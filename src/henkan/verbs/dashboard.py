"""Write the dashboard of a study for Weights & Biases: a workspace and a report, as the JSON that its server takes.

Panels are grouped by variant and the values of axes, with a band over the seeds: scores, losses, gradients, the
discriminator's accuracy, pictures. upload=true saves both on the server; once more, it saves the same two again.
entity=NAME is whose (WANDB_ENTITY, or the key's own), project=NAME where the runs are (WANDB_PROJECT, or henkan). What
study.yaml says can be said here too. The runs get there by logger.mode=online, or henkan sync.

  henkan dashboard mse_vs_gan
  henkan dashboard mse_vs_gan scale=paper upload=true entity=team
"""

from __future__ import annotations

import os
from typing import Any

from omegaconf import OmegaConf

from henkan.config.composition import compose_root
from henkan.config.studies import Study, read_study
from henkan.errors import UserError
from henkan.files import read_json, write_json
from henkan.report.dashboard import board_of, report, workspace
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
    study = read_study(words[0], words[1:])
    if upload == "true" and (reason := unreachable()) is not None:
        raise UserError(f"W&B: {reason}; without upload=true the dashboard is written into files")
    entity = given.get("entity") or os.environ.get("WANDB_ENTITY") or (own_entity() if upload == "true" else "")
    project = given.get("project") or os.environ.get("WANDB_PROJECT") or "henkan"
    board = board_of(study, entity, project, configs(study))
    made: dict[str, Any] = {"workspace": workspace(board), "report": report(board)}
    folder = study.folder / "dashboard"
    folder.mkdir(parents=True, exist_ok=True)
    for name, one in made.items():
        path = folder / f"{name}.json"
        # What both have in common; the package has no public way to what it sends.
        write_json(path, one._to_model().model_dump(mode="json", by_alias=True, exclude_none=True))
        print(path)
    if upload == "true":
        places = folder / "saved.json"
        saved = read_json(places, "remove it, and both are saved anew", dict) if places.is_file() else {}
        known = saved.get(f"{entity}/{project}", {})
        if known:
            made["workspace"]._internal_name, made["workspace"]._internal_id = known["workspace"]
            made["report"].id = known["report"]
        for one in made.values():
            one.save()
            print(one.url)
        ids = [made["workspace"]._internal_name, made["workspace"]._internal_id]
        write_json(places, {**saved, f"{entity}/{project}": {"workspace": ids, "report": made["report"].id}})
    return 0


def own_entity() -> str:
    import wandb

    return str(wandb.Api().default_entity)


def configs(study: Study) -> list[Any]:
    """Return the configs of the variants, each at the first point of the axes: terms and metrics are theirs."""
    found = {}
    for name, _, overrides in study.runs():
        variant = study.configurations[name].variant
        if variant not in found:
            config = compose_root("train", overrides)
            parts = {key: config[key] for key in ("loss", "metric")}
            found[variant] = {key: OmegaConf.to_container(part, resolve=False) for key, part in parts.items()}
    return list(found.values())
