"""README and the tutorials are followed in an empty folder, command by command, in seconds where they say minutes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from skimage import data as samples
from test_commands import of_henkan
from written import ROOT, SHELL, Block, blocks, of_block

PAGES = (
    "README.md",
    "docs/tutorials/own_photographs.md",
    "docs/tutorials/own_loss.md",
    "docs/tutorials/first_study.md",
)
# What a page asks for in a browser is driven in tests/serve.
LEFT_OUT = ("serve",)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a reader has before the first command: photographs, one of them by itself, masks, and a sketch."""
    monkeypatch.setenv("HENKAN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "photos").mkdir()
    photograph = Image.fromarray(samples.chelsea()).reduce(2)
    for number in range(30):
        corner = (number * 3, number)
        photograph.crop((*corner, corner[0] + 120, corner[1] + 110)).save(tmp_path / "photos" / f"scene{number}.jpg")
    one = photograph.crop((40, 20, 120, 100))
    mask = Image.new("L", one.size)
    ImageDraw.Draw(mask).ellipse((30, 30, 50, 45), fill=255)
    for name in ("photo.jpg", "photos/one.jpg"):
        one.save(tmp_path / name)
    for name in ("a.png", "mask.png"):
        mask.save(tmp_path / name)
    sketch = Image.new("L", (96, 96), 255)
    ImageDraw.Draw(sketch).ellipse((20, 20, 70, 70), outline=60)
    sketch.save(tmp_path / "sketch.png")
    return tmp_path


def written(block: Block, folder: Path) -> bool:
    """Write a block that bears the name of a file; say whether it does."""
    begun = block.page.read_text(encoding="utf-8").splitlines()[block.line - 1]
    named = re.search(r'title="(.+?)"', begun)
    if named:
        file = folder / named[1]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(block.lines) + "\n")
    return named is not None


def as_run(words: tuple[str, ...], folder: Path) -> Iterator[str]:
    """Yield the words of a command as they are run here: small, of the run that is there, patterns looked up."""
    for word in words:
        if "outputs/runs/RUN" in word:
            runs = sorted((folder / "outputs" / "runs").glob("*/run.json"), key=os.path.getmtime)
            word = word.replace("outputs/runs/RUN", str(runs[-1].parent))
        if "=" not in word and "*" in word:
            yield from map(str, sorted(folder.glob(word)))
        else:
            yield word
    if words[0] in ("train", "study") and not any(word.startswith(("scale=", "--dry-run")) for word in words):
        yield "scale=smoke"
    if words[0] == "study":
        yield from (word for word in ("seeds=[0]", "logger=csv") if word not in words)
    if "-m" in words:
        yield "evaluation.split=null"


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_every_command_of_a_page_runs_where_the_page_leaves_the_reader(name: str, folder: Path) -> None:
    ran = []
    for block in blocks(ROOT / name):
        if written(block, folder) or block.language not in SHELL:
            continue
        for command in of_block(block):
            words = of_henkan(command.words)
            if words is None or words[0] in LEFT_OUT:
                continue
            asked = [sys.executable, "-m", "henkan", *as_run(words, folder)]
            done = subprocess.run(asked, cwd=folder, capture_output=True, text=True, timeout=900)
            assert done.returncode == 0, f"{command.place}\n{done.stdout}\n{done.stderr}"
            if words[0] in ("train", "report", "study") and "--dry-run" not in words:
                assert (folder / done.stdout.splitlines()[-1]).exists(), command.place
            ran.append(words[0])
    assert len(ran) >= 3
    if "own_loss" in name:
        columns = [file.read_text().partition("\n")[0] for file in folder.glob("outputs/runs/*/metrics.csv")]
        assert columns and all("loss/mine" in one for one in columns)
    if "predict" in ran:
        assert list((folder / "predictions").rglob("*.png"))
