"""Score a trained run, or a generator that needs no training, on whole pictures.

Writes scores.csv (a row a picture, a column a metric), set_scores.json, samples.csv (area and kind of each hole),
areas.csv (means by the share of the picture that is missing) and pictures/ into the run folder. With
postprocess=poisson the post-processed output is scored too. With evaluation.curve everything is scored once more at
several values of one setting of the degradation: curve.csv and curve.png.

  henkan evaluate run=outputs/runs/RUN
  henkan evaluate run=outputs/runs/RUN evaluation.split=val 'metric=[psnr,ssim]'
  henkan evaluate run=outputs/runs/RUN postprocess=poisson
  henkan evaluate experiment=glcic generator=criminisi
  henkan evaluate run=outputs/runs/RUN 'evaluation.curve={setting: count, values: [0, 1, 10]}'
"""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from henkan.config.composition import task_overrides
from henkan.errors import UserError
from henkan.evaluation.score import score_run
from henkan.evaluation.written import print_scores
from henkan.files import write_json
from henkan.report.along import draw_curve
from henkan.runs.identity import digest, evaluation_parts
from henkan.runs.plan import manifest_of, plan_run, settle
from henkan.runs.trained import own_config, run_folder, with_overrides
from henkan.training.assemble import build_network
from henkan.training.modes import learns


def main(cfg: DictConfig) -> None:
    """Evaluate `run=FOLDER`, or the configured generator as it is if it has no parameters."""
    if cfg.run is not None:
        trained = own_config(cfg)
        config, pictures = settle(with_overrides(trained, cfg))
        folder = run_folder(Path(cfg.run))
        own, own_pictures = settle(trained)
        parts = evaluation_parts(config, manifest_of(config, pictures))
        if parts != evaluation_parts(own, manifest_of(own, own_pictures)):
            # Scores of other settings lie beside those of the run's own.
            folder = folder / "evaluations" / digest(parts)[:10]
        score_run(config, pictures, folder, weights=Path(cfg.run))
    else:
        config, pictures = settle(cfg)
        if learns(build_network(config, "generator")):
            raise UserError("this generator has weights to learn: name a trained run with run=FOLDER")
        plan = plan_run(cfg)
        folder = plan.folder
        means = score_run(plan.config, pictures, folder)
        # As `henkan train` would have left it: the same command of a study finds it done.
        facts = {"identity": plan.identity, "status": "done", "recipe": config["recipe"], "iterations": 0}
        write_json(folder / "run.json", {**facts, "overrides": task_overrides(), "metrics": means})
        (folder / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(dict(plan.config))))
    draw_curve(folder)
    print_scores(folder)
    print(folder)
