"""Score a trained run, or a generator that needs no training, on whole pictures.

Writes scores.csv (a row a picture, a column a metric), set_scores.json, samples.csv (area and kind of each hole),
areas.csv (means by the share of the picture that is missing) and pictures/ into the run folder. With
postprocess=poisson the post-processed output is scored too. With evaluation.curve everything is scored once more at
several values of one setting of the degradation: curve.csv and curve.png.

  henkan evaluate run=outputs/runs/RUN
  henkan evaluate run=outputs/runs/RUN evaluation.split=val 'metric=[psnr,ssim]'
  henkan evaluate run=outputs/runs/RUN iteration=200_000
  henkan evaluate run=outputs/runs/RUN postprocess=poisson
  henkan evaluate model=lines                            # a trained network that comes with henkan, or a model file
  henkan evaluate experiment=glcic generator=criminisi
  henkan evaluate run=outputs/runs/RUN other=outputs/runs/OTHER blend=0.8      # between two runs
  henkan evaluate run=outputs/runs/RUN evaluation.ensemble=true               # the mean of eight views
  henkan evaluate task=super_resolution degradation=bicubic generator=pretrained generator.weights=RealESRGAN_x4plus.pth
  henkan evaluate run=outputs/runs/RUN 'evaluation.curve={setting: count, values: [0, 1, 10]}'
"""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from henkan.config.checks import check_values
from henkan.config.composition import task_overrides
from henkan.config.resolved import Config
from henkan.data.counted import tell
from henkan.data.pictures import Pictures
from henkan.errors import UserError
from henkan.evaluation.blend import blend_of
from henkan.evaluation.score import score_run
from henkan.evaluation.written import print_scores
from henkan.files import digest_of, digests
from henkan.launching.swept import note
from henkan.networks.modes import learns
from henkan.report.figures.lines import draw_curve
from henkan.runs.identity import evaluation_parts, identify
from henkan.runs.mark import mark
from henkan.runs.plan import Plan, check_counts, plan_run
from henkan.runs.record import SCORED, TRAINED, Record, read_record, scored_again, write_record
from henkan.runs.run import alone_in, write_config
from henkan.runs.settle import settle
from henkan.runs.trained import as_it_is, check_untrained, named, own_config, run_folder, with_overrides
from henkan.scoring.asked import check_asked
from henkan.training import checkpoint
from henkan.training.assemble import build_network
from henkan.training.model_file import is_model


def main(cfg: DictConfig) -> None:
    """Evaluate `run=FOLDER`, or the configured generator as it is if it has nothing to learn."""
    cfg = named(cfg)
    if cfg.run is not None and is_model(Path(cfg.run)):
        config, pictures = settle(scored(with_overrides(own_config(cfg), cfg)))
        check_scored(config)
        blend = blend_of(cfg)
        parts = {
            **evaluation_parts(config, pictures),
            "weights": digest_of(Path(cfg.run)),
            "blend": None if blend is None else blend.name,
        }
        # A file is not a folder that scores could lie in.
        folder = Path(cfg.paths.runs) / f"{Path(cfg.run).stem}-{identify(parts)[:10]}"
        note(folder)
        tell(pictures)
        with alone_in(folder):
            score_run(config, pictures, folder, Path(cfg.run), blend=blend)
    elif cfg.run is not None:
        trained = own_config(cfg)
        config, pictures = settle(scored(with_overrides(trained, cfg)))
        check_scored(config)
        folder = run_folder(Path(cfg.run))
        own, own_pictures = settle(trained)
        parts = evaluation_parts(config, pictures)
        weights, other = chosen(cfg), []
        last = checkpoint.last(folder)
        if weights is not None and not (last.is_file() and weights.samefile(last)):
            other.append(weights.stem)
        blend = blend_of(cfg)
        if blend is not None:
            other.append(blend.name)
        if parts != evaluation_parts(own, own_pictures):
            other.append(identify(parts)[:10])
        if other:
            # Scores of other weights or settings lie beside those of the run's own.
            folder = folder / "evaluations" / "-".join(other)
        note(folder)
        tell(pictures)
        with alone_in(run_folder(Path(cfg.run))):
            means = score_run(config, pictures, folder, weights, blend=blend)
            record = read_record(folder)
            if record is not None and "digests" in record:
                # Without `other`: what the record says of its scores is said of these.
                write_record(
                    folder,
                    {**record, "metrics": means, "evaluation": identify(parts), "digests": scored_again(folder)},
                )
    else:
        check_untrained(cfg)
        cfg = scored(as_it_is(cfg))
        config, pictures = settle(cfg)
        if learns(build_network(config, "generator")):
            raise UserError("this generator has weights to learn: name a trained run with run=FOLDER")
        plan = plan_run(cfg)
        folder = plan.folder
        note(folder)
        tell(pictures)
        with alone_in(folder):
            score_untrained(plan, pictures)
    draw_curve(folder)
    print_scores(folder)
    print(folder)


def scored(cfg: DictConfig) -> DictConfig:
    """Return the config that is scored. Raises `UserError` where it names no split: training then scores nothing."""
    if cfg.evaluation.split is None:
        raise UserError("evaluation.split=null scores nothing: name a split, as in evaluation.split=test")
    return cfg


def check_scored(config: Config) -> None:
    """Raise `UserError` for values that nothing can be scored by: of a run's config, where they are given beside it."""
    check_counts(OmegaConf.create({"evaluation": config["evaluation"]}))
    check_values({"evaluation": config["evaluation"], "metric": config["metric"]})
    check_asked(config)


def score_untrained(plan: Plan, pictures: Pictures) -> None:
    """Score a generator that learns nothing, and leave the folder as `henkan train` would: a study finds it done."""
    folder = plan.folder
    means = score_run(plan.config, pictures, folder)
    write_config(folder, plan.config)
    record: Record = {
        **(read_record(folder) or {}),
        "identity": plan.identity,
        "mark": mark(plan.identity, plan.config),
        "status": "done",
        "recipe": plan.config["recipe"],
        "overrides": task_overrides(),
        "iterations": 0,
        "metrics": means,
        "digests": digests(folder, (*TRAINED, *SCORED)),
    }
    write_record(folder, record)


def chosen(cfg: DictConfig) -> Path | None:
    """Return the checkpoint that `run` and `iteration` mean; a run that trained nothing has none."""
    untrained = Path(cfg.run).is_dir() and cfg.iteration is None and not checkpoint.last(Path(cfg.run)).is_file()
    return None if untrained else checkpoint.find_checkpoint(Path(cfg.run), cfg.iteration)
