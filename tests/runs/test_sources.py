"""Which code a run goes through: by its imports, and as it was loaded."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from henkan.config.trees import PACKAGE, config_folder
from henkan.runs import sources
from henkan.runs.sources import changed, code, hash_now

MINE = """
import torch
from torch import nn

from my_tools.base import Base


class Mine(Base):
    def late(self):
        from my_helper import help_me

        return help_me()
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a person's own modules, importable and not imported yet."""
    files = {
        "my_loss.py": MINE,
        "my_helper.py": "from my_space.deep.inner import help_me\n",
        # Folders without an __init__.py.
        "my_space/deep/inner.py": "help_me = print\n",
        "my_tools/__init__.py": "",
        "my_tools/base.py": "from . import numbers\nfrom .numbers import ONE\n\nclass Base:\n    one = ONE\n",
        "my_tools/numbers.py": "ONE = 1\n",
        "my_tools/unused.py": "TWO = 2\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.startswith("my_")]:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path


PARTS = {"loss": {"mine": {"_target_": "my_loss.Mine"}}}


def test_imports_are_followed_without_importing(mine: Path) -> None:
    found = code(PARTS)
    assert {name for name in found if name.startswith("my_")} == {
        *("my_loss", "my_helper", "my_space.deep.inner", "my_tools.base", "my_tools.numbers"),
    }
    assert found["my_helper"] == hash_now(mine / "my_helper.py")
    assert "my_loss" not in sys.modules
    # Training itself, and what it stands on; nothing that is installed, nothing that no run goes through.
    assert {"henkan.training.translator", "henkan.randomness", "henkan.sample", "henkan.config.build"} <= found.keys()
    assert not any(name.startswith(("torch", "numpy", "henkan.verbs", "henkan.report", "json")) for name in found)


def test_what_is_installed_in_a_folder_of_any_name_has_a_version(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (mine / "my_tools-1.0.dist-info").mkdir()
    monkeypatch.setattr(sources, "_installed", set())
    assert not any(name.startswith("my_") for name in code(PARTS))


def test_what_a_method_stands_on_counts() -> None:
    found = code(
        {
            "loss": {"_target_": "henkan.losses.loss_map.MappedMSE"},
            "degradation": [{"_target_": "henkan.degradations.page.Grain"}],
            "task": {"_target_": "henkan.tasks.colorization.Colorization"},
        }
    )
    expected = ("color", "randomness", "losses.per_image", "data.operator", "degradations.noise")
    assert {f"henkan.{name}" for name in expected} <= found.keys()
    assert "henkan.losses.charbonnier" not in found


def test_a_module_is_what_it_was_when_it_was_loaded(mine: Path) -> None:
    importlib.import_module("my_loss")
    before = code(PARTS)
    for name in ("my_loss.py", "my_tools/numbers.py", "my_helper.py"):
        (mine / name).write_text(f"{(mine / name).read_text()}# edited\n")
    # What has not been loaded yet would be loaded as it is now.
    assert changed(before, code(PARTS)) == ["my_helper"]
    importlib.reload(sys.modules["my_loss"])
    assert changed(before, code(PARTS)) == ["my_helper", "my_loss"]
    (mine / "my_tools" / "numbers.py").write_text("this is no Python")
    assert changed(before, code(PARTS)) == ["my_helper", "my_loss"]


def test_what_is_loaded_is_neither_read_nor_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    importlib.import_module("henkan.training.schedule")
    loaded = [sys.modules[name] for name in code({}) if name in sys.modules]
    files = {Path(module.__file__) for module in loaded if module.__file__}
    assert PACKAGE / "training" / "schedule.py" in files
    parsed = sources.imports.cache_info().misses
    read: set[Path] = set()
    monkeypatch.setattr(sources, "hash_now", lambda path: read.add(path) or hash_now(path))
    code({})
    assert not files & read
    assert sources.imports.cache_info().misses == parsed


SERVER = """
import sys
from pathlib import Path
from henkan.launching.launcher import WarmProcesses

def main():
    schedule = Path(sys.argv[1])
    with WarmProcesses() as processes:
        assert processes.start(["completion", "bash"]).wait() == 0
        schedule.write_text(schedule.read_text() + "\\nraise SystemExit('edited')\\n")
        print(processes.start(["train", *sys.argv[2:]]).wait())

if __name__ == "__main__":
    main()
"""


def test_a_warm_server_says_what_it_has_loaded(tiny: list[str], tmp_path: Path) -> None:
    package = tmp_path / "copy" / "henkan"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PACKAGE.parent / "hydra_plugins", package.parent / "hydra_plugins")
    shutil.copytree(config_folder(), package / "conf", dirs_exist_ok=True)
    (tmp_path / "server.py").write_text(SERVER)
    schedule = package / "training" / "schedule.py"
    before = hash_now(schedule)
    paths = os.pathsep.join([str(package.parent), os.environ["PYTHONPATH"]])
    words = [*tiny, "loss=[mse]", "schedule.reconstruction.iterations=2", "evaluation.split=null"]
    done = subprocess.run(
        [sys.executable, str(tmp_path / "server.py"), str(schedule), *words],
        env={**os.environ, "PYTHONPATH": paths},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1] == "0", done.stderr
    (record,) = (json.loads(path.read_text()) for path in (tmp_path / "runs").glob("*/run.json"))
    assert record["code"]["henkan.training.schedule"] == before != hash_now(schedule)
