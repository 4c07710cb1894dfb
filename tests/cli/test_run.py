"""The command line: help that is quick, errors that are one line, completion that completes."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from omegaconf import OmegaConf

from henkan.cli.run import main as main_of_this_process
from henkan.cli.usage import overview
from henkan.config.composition import compose_root
from henkan.config.explain import explain, suggestion
from henkan.config.trees import config_folder
from henkan.errors import MissingWeights, TrainingFailed, UserError
from henkan.launching.execute import Outcome, execute
from henkan.launching.verbs import verbs

HEAVY = ("torch", "pytorch_lightning", "torchmetrics", "wandb", "hydra", "omegaconf", "numpy", "pandas")


def henkan(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "henkan", *words],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Any], None]:
    """Put another `main` in place of `henkan.verbs.train`'s; nothing heavy is imported, nothing trained."""
    monkeypatch.chdir(tmp_path)

    def put(main: Any) -> None:
        module = ModuleType("henkan.verbs.train")
        module.main = main  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "henkan.verbs.train", module)

    return put


@pytest.mark.parametrize(("words", "limit"), [(["--help"], 0.5), (["train", "--help"], 1.2), (["study", "-h"], 1.2)])
def test_help_is_quick_and_imports_nothing_heavy(words: list[str], limit: float, tmp_path: Path) -> None:
    script = f"import sys; sys.argv[1:] = {words!r}; from henkan.cli.run import main; code = main(); "
    script += f"sys.exit(code or ', '.join(set(sys.modules) & set({HEAVY!r})) or 0)"
    seconds = []
    for _ in range(3):
        began = time.monotonic()
        done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
        seconds.append(time.monotonic() - began)
        assert done.returncode == 0, done.stderr
    assert min(seconds) < limit


def test_help_lists_every_verb_with_its_purpose() -> None:
    text = overview(verbs())
    for name in ("train", "evaluate", "study", "report", "check", "preview", "completion"):
        assert name in verbs()
        assert f"  {name}" in text
        assert verbs()[name].purpose.strip(), name


def test_composed_verbs_have_a_root_config_and_the_others_none() -> None:
    roots = {path.stem for path in config_folder().glob("*.yaml")}
    assert roots == {verb.name for verb in verbs().values() if verb.composed}


def test_help_of_a_verb_names_groups_options_and_keys(tmp_path: Path) -> None:
    text = henkan("train", "--help", cwd=tmp_path).stdout
    assert "usage: henkan train" in text
    assert "adversarial" in text and "(default [mse])" in text
    assert "seed=0" in text and "validation.every=" in text


def test_options_of_the_working_directory_are_in_the_help(tmp_path: Path) -> None:
    (tmp_path / "conf" / "loss").mkdir(parents=True)
    (tmp_path / "conf" / "loss" / "peculiar.yaml").touch()
    assert "peculiar" in henkan("train", "--help", cwd=tmp_path).stdout


def test_a_root_gets_its_config_and_its_value_comes_back(root: Callable[[Any], None]) -> None:
    seen: dict[str, Any] = {}

    def main(cfg: Any) -> float:
        seen.update(seed=cfg.seed, argv=sys.argv[1:])
        return 0.25

    root(main)
    outcome = execute("train", ["seed=3"])
    assert outcome == Outcome(0, 0.25)
    # What starts this process again starts this run.
    assert seen == {"seed": 3, "argv": ["train", "seed=3"]}


def test_nothing_of_hydras_own_is_left_behind(root: Callable[[Any], None], tmp_path: Path) -> None:
    root(lambda cfg: None)
    assert execute("train", []).code == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UserError("the folder\n  is empty"), 2, "the folder is empty"),
        (MissingWeights("x.pth is missing"), 2, "x.pth is missing"),
        (TrainingFailed("mse is NaN at iteration 3"), 1, "mse is NaN at iteration 3"),
        (PermissionError(errno.EACCES, "Permission denied", "/runs"), 2, "/runs: Permission denied"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "No space left on device"),
    ],
)
def test_what_people_can_mend_is_one_line(
    error: Exception, code: int, line: str, root: Callable[[Any], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def main(cfg: Any) -> None:
        raise error

    root(main)
    assert execute("train", []).code == code
    (printed,) = capsys.readouterr().err.splitlines()
    assert printed.startswith("henkan: ")
    assert line in printed


def test_a_bug_keeps_its_traceback(root: Callable[[Any], None], capsys: pytest.CaptureFixture[str]) -> None:
    def main(cfg: Any) -> None:
        raise ZeroDivisionError("by zero")

    root(main)
    outcome = execute("train", [])
    assert (outcome.code, outcome.error) == (1, "ZeroDivisionError: by zero")
    assert "Traceback" in capsys.readouterr().err


def test_a_traceback_is_shown_on_request(
    root: Callable[[Any], None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    root(lambda cfg: cfg.data.nope)
    assert execute("train", ["sede=1"]).code == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["sede=1"], "no key 'sede' (did you mean 'seed'?)"),
        (["validation.evry=1"], "(did you mean 'validation.every'?)"),
        (["lr=1"], "'optimizer.generator.lr'"),
        (["experimnt=glcic"], "(did you mean 'experiment'?)"),
        (["experiment=glcix"], "no experiment=glcix (did you mean 'glcic'?)"),
        (["loss=[mse,adversaril]"], "no loss=adversaril (did you mean 'adversarial'?)"),
        (["seed=1,2"], "add -m"),
        (["loss=[mse"], "cannot read 'loss=[mse'"),
        (["seed=abc"], "seed=abc does not fit: it takes a whole number"),
        (["seed=1.5"], "it takes a whole number"),
        (["average.decay=[1]"], "average.decay=[1] does not fit: it takes a number"),
        (["rerun=3"], "it takes a truth value"),
        (["optimizer=3"], "Config group override must be a string"),
        (["screen=null"], "screen=null: an option of screen, not a value, is chosen so; ~screen chooses none"),
    ],
)
def test_a_wrong_override_is_named_with_the_nearest_right_one(
    words: list[str], expected: str, root: Callable[[Any], None], capsys: pytest.CaptureFixture[str]
) -> None:
    root(lambda cfg: pytest.fail("must not get as far"))
    assert execute("train", words).code == 2
    (printed,) = capsys.readouterr().err.splitlines()
    assert expected in printed


@pytest.mark.parametrize("word", ["average.decay=1", "average.decay=null", "trainer.devices=auto", "paths.runs=2024"])
def test_a_fitting_override_passes(word: str, root: Callable[[Any], None]) -> None:
    root(lambda cfg: 1.0)
    assert execute("train", [word]) == Outcome(0, 1.0)


def test_what_must_be_given_is_named(root: Callable[[Any], None], capsys: pytest.CaptureFixture[str]) -> None:
    root(lambda cfg: OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True))
    assert execute("train", ["data=image_folder"]).code == 2
    assert "data.path must be given" in capsys.readouterr().err


def test_a_misspelt_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute("trian", []).code == 2
    assert "(did you mean 'train'?)" in capsys.readouterr().err


def test_an_interrupt_exits_with_130(
    root: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def main(cfg: Any) -> None:
        raise KeyboardInterrupt

    root(main)
    monkeypatch.setattr(sys, "argv", ["henkan", "train"])
    assert main_of_this_process() == 130
    assert "Traceback" not in capsys.readouterr().err


def test_user_code_in_the_working_directory_counts_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf" / "loss").mkdir(parents=True)
    (tmp_path / "conf" / "loss" / "mine.yaml").write_text("mine: {_target_: mine_by_cli.Mine}\n")
    (tmp_path / "mine_by_cli.py").write_text("class Mine:\n    pass\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    cfg = compose_root("train", ["loss=[mse,mine]"])
    assert list(cfg.loss) == ["mse", "mine"]
    assert __import__("mine_by_cli").Mine


def test_the_nearest_word_is_suggested_or_none() -> None:
    assert suggestion("widht", ["width", "depth"]) == " (did you mean 'width'?)"
    assert suggestion("qqq", ["width", "depth"]) == ""


def test_an_unknown_error_is_not_explained() -> None:
    assert explain(KeyError("x"), "train", []) == (None, 1)


BASH = """
PATH="{path}:$PATH"
eval "$(henkan completion bash)"
COMP_LINE='{line}'
COMP_POINT=${{#COMP_LINE}}
COMP_WORDS=({words})
COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_henkan
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("henkan eva", ["evaluate"]),
        ("henkan train gener", ["generator.", "generator="]),
        ("henkan train generator=la", ["lama", "lama_big"]),
        ("henkan train generator=un", ["unet"]),
        ("henkan train optimizer.generator.lr", ["optimizer.generator.lr="]),
        ("henkan train seed=1 validation.ev", ["validation.every="]),
        ("henkan train loss=[mse,rel", ["[mse,relativistic"]),
    ],
)
def test_the_shell_completes(line: str, expected: list[str], tmp_path: Path) -> None:
    # Bash splits words at "=" as well.
    words = " ".join(repr(word) for word in line.replace("=", " = ").split())
    script = BASH.format(path=Path(sys.executable).parent, line=line, words=words)
    if shutil.which("henkan", path=str(Path(sys.executable).parent)) is None:
        pytest.fail("the command henkan is not installed beside this Python")
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == expected, done.stderr
