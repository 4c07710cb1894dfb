"""What `engine` says: read whole or by parts, and refused in one line."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tiny_study import in_study

from henkan.config.engines import Engine, without_engine
from henkan.config.studies import read_study
from henkan.errors import UserError
from henkan.sweeps.command import check_anywhere


def test_an_engine_is_a_name_with_settings_in_any_order(study: Path) -> None:
    assert read_study(str(study), []).engine == Engine()
    words = ["engine.workers=3", "engine.partition=gpu", "engine=submitit", "engine.options={reservation: course}"]
    read = read_study(str(study), words)
    options = {"partition": "gpu", "options": {"reservation": "course"}}
    assert read.engine == Engine("submitit", 3, options)
    assert read.given == []
    in_study(study, engine={"name": "submitit", "partition": "gpu", "workers": 2})
    assert read_study(str(study), ["engine.partition=null"]).engine == Engine("submitit", 2, {})
    assert read_study(str(study), ["engine=local"]).engine == Engine()
    in_study(study, engine="ray")
    assert read_study(str(study), ["engine.gpus=1"]).engine == Engine("ray", 1, {"gpus": 1})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["engine=slurm"], "engine=slurm: there is none of that name; there are local, submitit, ray"),
        (["engine=submitt"], "did you mean 'submitit'?"),
        (["engine=[ray]"], "there is none of that name"),
        (["engine.workers=2"], "engine has settings and no name: say engine=submitit or engine=ray"),
        (["engine=submitit", "engine.partion=gpu"], "engine.partion: submitit has no such setting (did you mean 'part"),
        (["engine=ray", "engine.partition=gpu"], "engine.partition: ray has no such setting; it has workers, address"),
        (["engine=local", "engine.workers=2"], "it has none; how many runs at once says jobs=2"),
        (["engine=submitit", "engine.workers=0"], "engine.workers=0 must be a whole number, 1 or more"),
        (["engine=submitit", "engine.time=4h"], "engine.time=4h must be a whole number"),
        (["engine=submitit", "engine.gpus=-1"], "engine.gpus=-1 must be a whole number, 0 or more"),
        (["engine=submitit", "engine.cluster=pbs"], "engine.cluster=pbs must be slurm, or local"),
        (["engine=submitit", "engine.setup=module"], "engine.setup must be a list of lines of a shell"),
        (["engine=submitit", "engine.options=[exclusive]"], "engine.options must be a mapping of sbatch's options"),
        (["engine=ray", "engine.address=true"], "engine.address=True must be a word"),
        (["engin=ray"], "there is no key 'engin' (did you mean 'engine'?)"),
    ],
)
def test_what_is_no_engine_is_one_line(study: Path, words: list[str], said: str) -> None:
    with pytest.raises(UserError) as error:
        read_study(str(study), words)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_worker_is_given_the_same_command_without_the_engine() -> None:
    words = ["engine=ray", "engine.workers=2", "seeds=[0]", "+engineering=1"]
    assert without_engine(words) == ["seeds=[0]", "+engineering=1"]


def test_other_machines_are_told_what_to_compute_in(study: Path) -> None:
    """`auto` is another precision on another machine, and so another run: two nodes would share nothing."""

    def check(precision: str, *words: str) -> None:
        cfg = cast(Any, SimpleNamespace(trainer=SimpleNamespace(precision=precision)))
        check_anywhere(read_study(str(study), [*words]), cfg)

    for words in ([], ["engine=ray"], ["engine=submitit", "engine.cluster=local"]):
        check("auto", *words)
    for words in (["engine=submitit"], ["engine=ray", "engine.address=auto"]):
        check("32-true", *words)
        with pytest.raises(UserError, match="say trainer.precision=bf16-mixed"):
            check("auto", *words)
