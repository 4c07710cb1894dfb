"""Tries options: in which situation does one fit, and does it do there what its kind has to?"""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from henkan.config.build import build
from henkan.config.checks import FRAMEWORKS_OWN
from henkan.config.composition import compose_root
from henkan.config.explain import explain
from henkan.config.trees import PACKAGE, make_importable
from henkan.errors import Missing, UserError
from henkan.trying.little import write_drawings, write_labelled, write_pictures
from henkan.trying.trial import Trial

# Where an option may fit, as people type it, and what little pictures are of there; the first that it fits counts.
SITUATIONS: dict[str, str] = {
    "": "image_folder",
    "experiment=aod_net": "image_folder",
    "experiment=srresnet": "image_folder",
    "experiment=let_there_be_color": "image_folder",
    "experiment=sketch_simplification_2016": "line_folder",
    "experiment=scribbler": "image_folder",
    "experiment=fcn": "labelled_folder",
}
# How an option of a group is chosen, and what beside it, so that it has something to do: in turn, where it is several.
CHOICES: dict[str, tuple[tuple[str, ...], ...]] = {
    "loss": (("loss=[mse,{}]",), ("loss=[mse,adversarial,{}]",)),
    "metric": (("metric=[psnr,{}]", "loss=[mse]"),),
    "generator": (("generator={}", "loss=[mse]"),),
    "discriminator": (("discriminator={}", "loss=[mse,adversarial]"),),
    "degradation": (("degradation={}", "loss=[mse]"),),
    "augmentation": (("augmentation={}", "loss=[mse]"),),
    "data": (("data={}", "loss=[mse]"),),
    # A generator that takes any picture.
    "task": (("task={}", "loss=[mse,adversarial]", "generator=aod_net", "discriminator=patchgan_unconditional"),),
}


def built(group: str, option: str, folder: str | Path = ".") -> Any:
    """Return what an option of `conf/GROUP/` in a person's folder builds, at the smallest scale."""
    with working_in(folder):
        several = group in ("loss", "metric")
        words = ["scale=smoke", *STATISTICS, f"{group}=[{option}]" if several else f"{group}={option}"]
        node = compose_root("train", words)[group]
        plain = OmegaConf.to_container(next(iter(node.values())) if several else node, resolve=True)
        assert isinstance(plain, dict)
        return build({str(key): value for key, value in plain.items() if key not in FRAMEWORKS_OWN.get(group, ())})


# What is measured of data, as if it had been.
STATISTICS = ("statistics.mean=[0.5,0.5,0.5]", "statistics.deviation=0.5", "statistics.classes=0")


def tried(group: str, option: str, folder: str | Path = ".") -> str:
    """Try an option of `conf/GROUP/` in a person's folder; return the situation that it fits, as it is typed.

    Raises `UserError` with what is wrong, in a line, where it fits none.
    """
    with working_in(folder), tempfile.TemporaryDirectory() as place:
        worst: tuple[int, str] = (-1, "")
        for situation, data in SITUATIONS.items():
            for choice in CHOICES[group]:
                words = [*filter(None, [situation]), *little(data, Path(place))]
                words = [word for word in words if not (group == "data" and word.startswith("data"))]
                trial = Trial([*words, *(word.format(option) for word in choice)])
                if (wrong := failure(trial)) is None:
                    return situation
                # What got furthest came closest to what it is for.
                worst = max(worst, (trial.reached, wrong), key=lambda found: found[0])
        raise UserError(worst[1])


def tried_run(overrides: Sequence[str]) -> None:
    """Try a whole configuration of `train`, with its own data. Raises `UserError` with what is wrong, in a line."""
    with tempfile.TemporaryDirectory() as place:
        words = [*overrides, "scale=smoke", f"paths.runs={place}", "logger=none"]
        if (wrong := failure(Trial(words))) is not None:
            raise UserError(wrong)


def quiet(place: Path) -> list[str]:
    """Return what keeps a trial small, and lets it leave nothing behind."""
    return [
        "scale=smoke",
        f"paths.runs={place / 'runs'}",
        f"paths.cache={place / 'cache'}",
        "logger=none",
        "metric=[psnr]",
    ]


def little(data: str, place: Path) -> list[str]:
    """Return the overrides of a trial on little pictures, which are written where they are not yet."""
    folder = place / data
    if not folder.is_dir():
        {"line_folder": write_drawings, "labelled_folder": write_labelled}.get(data, write_pictures)(folder)
    return [*quiet(place), f"data={data}", f"data.path={folder}"]


def failure(trial: Trial) -> str | None:
    """Run a trial; return in a line what went wrong, None where nothing did."""
    try:
        trial.run()
    except Missing:
        # It was built, and waits for a file, or a package, that only a person can fetch.
        return None
    except Exception as error:
        if os.environ.get("HENKAN_TRACEBACK") == "1":
            traceback.print_exc()
        if isinstance(error, UserError | HydraException | OmegaConfBaseException):
            return explain(error, "train", trial.overrides)[0] or str(error)
        # It may be anything: what was tried is somebody's own code.
        return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}{where(error)}"
    return None


def where(error: BaseException) -> str:
    """Return the place in the person's own code where an error came from, in words; nothing where it did not."""
    here = Path.cwd()
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(here) and not path.is_relative_to(PACKAGE) and "site-packages" not in path.parts:
            return f" ({path.relative_to(here)}, line {frame.lineno})"
    return ""


@contextmanager
def working_in(folder: str | Path) -> Iterator[None]:
    """Work in a person's folder for a while: its `conf/` counts, and its modules are found."""
    with chdir(folder):
        make_importable(Path.cwd())
        yield
