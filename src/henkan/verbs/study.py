"""Run a study: many runs of one recipe, seed by seed, and a report that is refreshed after each.

A study is a folder of experiments/ with a study.yaml, named by the folder's name or by path. What study.yaml says can
be said here too: recipe, scale, overrides, variants, axes, baseline, seeds, jobs (runs at once), headline (metrics),
plane (of two), engine, prepare, title, question. variants.NAME=null and axes.AXIS.VALUE=null leave one out,
axes.KEY=[…] tries values. engine=submitit or ray has workers on other machines train the runs, engine.workers=N of
them; experiments/README.md says which when. Every other override goes to each of the runs.

  henkan study mse_vs_gan
  henkan study mse_vs_gan --dry-run
  henkan study mse_vs_gan scale=smoke seeds=[0] logger=csv
  henkan study patch_vs_mse_vs_gan axes.pictures.photographs=null
  henkan study mse_vs_gan engine=submitit engine.workers=4 engine.partition=gpu trainer.precision=bf16-mixed
  henkan study mse_vs_gan axes.discriminator.width=[0.25,0.5] 'headline=[psnr_hole]'
"""

from __future__ import annotations

from rich.console import Console

from henkan.config.studies import STUDY, read_study
from henkan.config.trees import frozen_config
from henkan.sweeps.command import asked, prepare
from henkan.sweeps.progress import tree
from henkan.sweeps.study import plan_jobs, run_study


def main(arguments: list[str]) -> int:
    command = asked(STUDY, arguments, "mse_vs_gan")
    study = read_study(command.name, command.overrides)
    with frozen_config():
        prepare(study)
        jobs = plan_jobs(study)
        if command.dry:
            Console(markup=False).print(tree(study, jobs))
            return 0
        return run_study(study, jobs, command)
