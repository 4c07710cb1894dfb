"""Run a study: many runs of one recipe, seed by seed, and a report that is refreshed after each.

A study is a folder of experiments/ with a study.yaml, named by the folder's name or by path. What study.yaml says can
be said here too: recipe, scale, overrides, variants, axes, baseline, seeds, jobs (runs at once), headline (metrics),
plane (of two), prepare, title, question. variants.NAME=null and axes.AXIS.VALUE=null leave one out, axes.KEY=[…] tries
values. Every other override goes to each of the runs.

  henkan study mse_vs_gan
  henkan study mse_vs_gan --dry-run
  henkan study mse_vs_gan scale=smoke seeds=[0] logger=csv
  henkan study patch_vs_mse_vs_gan axes.pictures.photographs=null
  henkan study mse_vs_gan axes.discriminator.width=[0.25,0.5] 'headline=[psnr_hole]'
"""

from __future__ import annotations

from rich.console import Console

from henkan.config.studies import read_study
from henkan.config.trees import frozen_config
from henkan.errors import UserError
from henkan.sweeps.progress import tree
from henkan.sweeps.study import plan_jobs, prepare, run_study


def main(arguments: list[str]) -> int:
    dry = "--dry-run" in arguments
    words = [word for word in arguments if word != "--dry-run"]
    if not words or "=" in words[0]:
        raise UserError("name a study: henkan study mse_vs_gan (a folder of experiments/, or a path to a study.yaml)")
    study = read_study(words[0], words[1:])
    with frozen_config():
        prepare(study)
        jobs = plan_jobs(study)
        if dry:
            Console().print(tree(study, jobs))
            return 0
        return run_study(study, jobs)
