"""A study's dashboard in Weights & Biases as code: a workspace and a report, of panels grouped by variant over seeds.

Nothing is asked of a server until they are saved: what would be sent is there before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from henkan.config.composition import compose_root
from henkan.config.signatures import locate
from henkan.config.studies import Study, named, read_study
from henkan.errors import UserError
from henkan.files import read_json, write_json
from henkan.losses.adversarial import Adversarial

# Headline scores that are shown where a study names none.
SCORES = 3
# Of a discriminator: the share told apart, of what it is trained on and of what it has not seen.
ACCURACIES = ("accuracy_real", "accuracy_fake", "accuracy_held_out")
# Where a study's dashboard lies in its folder; what it was asked for with; and what it is called on the server.
DASHBOARD, ASKED, SAVED = "dashboard", "asked.json", "saved.json"
AGAIN = "henkan dashboard writes it again"


@dataclass(frozen=True)
class Board:
    """What a dashboard is about: whose it is, and which curves the runs of the study log."""

    entity: str
    project: str
    study: Study
    scores: Sequence[str]
    terms: Sequence[str]
    judged: bool

    @property
    def keys(self) -> list[str]:
        """The keys of a run's config that its configuration goes by, whatever the seed."""
        return ["variant", *(f"point.{named(axis)}" for axis in self.study.axes)]


def board_of(study: Study, entity: str, project: str, configs: Sequence[Mapping[str, Any]]) -> Board:
    """Return what the dashboard of a study is about; `configs` are those of its variants."""
    known = list(dict.fromkeys(name for config in configs for name in config["metric"]))
    chosen = [*study.headline, *study.family, *(study.plane or {}).values()]
    scores = [name for name in dict.fromkeys(chosen) if name in known] or known[:SCORES]
    losses = [config["loss"] for config in configs]
    terms = list(dict.fromkeys(name for loss in losses for name in loss))
    classes = [locate(f"loss.{name}", str(node["_target_"])) for loss in losses for name, node in loss.items()]
    judged = any(isinstance(one, type) and issubclass(one, Adversarial) for one in classes)
    return Board(entity, project, study, scores, terms, judged)


def package() -> Any:
    """Return W&B's package for dashboards as code. Raises `UserError` where it is not installed."""
    try:
        import wandb_workspaces.reports.v2 as reports
        import wandb_workspaces.workspaces as workspaces
    except ImportError as error:
        raise UserError(
            "henkan dashboard needs the package wandb-workspaces: pip install 'henkan[dashboards]'"
        ) from error
    return reports, workspaces


def sections(board: Board) -> dict[str, list[Any]]:
    """Return the panels by what they are about: a line is the mean over the seeds of a configuration, with its band."""
    reports, _ = package()
    # The runs are grouped by several keys where there are axes; a panel of its own knows one.
    group = {} if board.study.axes else {"groupby": reports.Config("variant")}
    band = {**group, "groupby_aggfunc": "mean", "groupby_rangefunc": "stddev"}

    def line(name: str, **settings: Any) -> Any:
        return reports.LinePlot(title=name, x="iteration", y=[name], **band, **settings)

    found = {
        "Scores in validation": [line(f"val/{name}") for name in board.scores],
        "Scores of the test": [
            reports.BarPlot(title=f"test/{name}", metrics=[f"test/{name}"], **band) for name in board.scores
        ],
        "Losses": [line(f"loss/{name}", log_y=True) for name in board.terms],
        "Gradients": [line(f"gradient/{name}", log_y=True) for name in board.terms],
    }
    if (plane := board.study.plane) is not None:
        axes = {name: reports.SummaryMetric(f"test/{plane[name]}") for name in ("x", "y")}
        title = f"{plane['x']} and {plane['y']}"
        found["Scores of the test"].append(reports.ScatterPlot(title=title, **axes))
    if board.judged:
        found["Gradients"].append(line("gradient/ratio", log_y=True))
        found["Discriminator"] = [line(f"discriminator/{name}", range_y=(0.0, 1.0)) for name in ACCURACIES]
    found["Pictures"] = [
        reports.MediaBrowser(
            title="validation", media_keys=["validation"], mode="grid", grid_x_axis="step", grid_y_axis="run"
        )
    ]
    return found


def of_study(study: Study) -> Any:
    """Return the filter that is true of a study's runs: not of trials, and at no other scale."""
    from wandb_workspaces import expr

    return expr.And(
        expr.Config("study") == study.name,
        expr.Tags().isin([study.scale]),
        expr.Config("variant").isin(list(study.variants)),
    )


def workspace(board: Board) -> Any:
    """Return the workspace: the study's runs, grouped by configuration, and a section for each group of panels."""
    _, workspaces = package()
    return workspaces.Workspace(
        entity=board.entity,
        project=board.project,
        name=board.study.name,
        sections=[
            workspaces.Section(name=name, panels=panels, is_open=place < 2)
            for place, (name, panels) in enumerate(sections(board).items())
        ],
        settings=workspaces.WorkspaceSettings(x_axis="iteration", max_runs=100),
        runset_settings=workspaces.RunsetSettings(
            filters=of_study(board.study),
            groupby=[workspaces.Config(key) for key in board.keys],
        ),
    )


def report(board: Board) -> Any:
    """Return the report: the question, and a grid of panels for each group, over the same runs."""
    reports, _ = package()
    study = board.study
    blocks: list[Any] = [reports.P(study.question)] if study.question else []
    baseline = f"The baseline is {study.baseline}; bands are one standard deviation over {len(study.seeds)} seeds."
    blocks += [reports.P(baseline), reports.TableOfContents()]
    for name, panels in sections(board).items():
        # Of the report's own project; one that is named is looked up on the server.
        runs = reports.Runset(
            name=study.name,
            filters=of_study(study),
            groupby=[f"config.{key}" for key in board.keys],
        )
        blocks += [reports.H2(name), reports.PanelGrid(runsets=[runs], panels=panels)]
    command = f"henkan study {study.name} scale={study.scale}"
    blocks += [reports.H2("Again"), reports.P([reports.InlineCode(command)])]
    return reports.Report(
        entity=board.entity,
        project=board.project,
        title=study.title or study.name,
        description=study.question or "",
        blocks=blocks,
        width="fluid",
    )


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


@dataclass(frozen=True)
class Dashboard:
    """A study's workspace and report, and the folder in which they lie as what the server would get."""

    folder: Path
    board: Board
    workspace: Any
    report: Any

    @classmethod
    def of(cls, name: str, words: Sequence[str], entity: str, project: str, folder: Path | None = None) -> Dashboard:
        """Write the dashboard of a study, by name or path, with the overrides of the command line.

        `folder` is where it lies; the study's own by default.
        """
        study = read_study(name, words)
        board = board_of(study, entity, project, configs(study))
        made = cls(folder or study.folder / DASHBOARD, board, workspace(board), report(board))
        made.folder.mkdir(parents=True, exist_ok=True)
        for path, one in made.files.items():
            # What both have in common; the package has no public way to what it sends.
            write_json(path, one._to_model().model_dump(mode="json", by_alias=True, exclude_none=True))
        asked = {"study": str(study.file.absolute()), "words": list(words), "entity": entity, "project": project}
        write_json(made.folder / ASKED, asked)
        return made

    @classmethod
    def again(cls, folder: Path, entity: str) -> Dashboard:
        """Write the dashboard that lies in a folder again, there, wherever the folder has been moved.

        `entity` is whose it is where nobody was named.
        """
        said = read_json(folder / ASKED, AGAIN, dict)
        return cls.of(said["study"], said["words"], said["entity"] or entity, said["project"], folder)

    @property
    def files(self) -> dict[Path, Any]:
        return {self.folder / "workspace.json": self.workspace, self.folder / "report.json": self.report}

    def save(self) -> list[str]:
        """Save both on the server, the same two again where they have been; return their addresses."""
        place, whose = self.folder / SAVED, f"{self.board.entity}/{self.board.project}"
        saved = read_json(place, "remove it, and both are saved anew", dict) if place.is_file() else {}
        if known := saved.get(whose):
            self.workspace._internal_name, self.workspace._internal_id = known["workspace"]
            self.report.id = known["report"]
        for one in (self.workspace, self.report):
            one.save()
        ids = [self.workspace._internal_name, self.workspace._internal_id]
        write_json(place, {**saved, whose: {"workspace": ids, "report": self.report.id}})
        return [self.workspace.url, self.report.url]


def is_waiting(folder: Path) -> bool:
    """Whether a dashboard lies in a folder that the server has not got as it is."""
    asked, saved = folder / ASKED, folder / SAVED
    return asked.is_file() and not (saved.is_file() and saved.stat().st_mtime_ns >= asked.stat().st_mtime_ns)


def own_entity() -> str:
    """Return whose the key of W&B is; asks the server."""
    import wandb

    return str(wandb.Api().default_entity)
