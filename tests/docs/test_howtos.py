"""The commands of the how-tos run, one after another, small: two iterations, two pictures, the runs that a page means.

That each is right as it stands, at its own scale, is `test_commands.py`'s; here they run to their end. Studies and
searches are planned and not trained: `tests/verbs` and `tests/sweeps` train such.
"""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from published import BESIDE
from skimage import data as samples
from written import ROOT, commands, name_of, of_henkan

from henkan.config.composition import compose_root
from henkan.config.words import as_overrides
from henkan.launching.execute import execute
from henkan.launching.verbs import verbs
from henkan.zoo.networks import FOLDER

DOCS = ROOT / "docs"
# The other tutorials are followed word for word, by test_followed.py.
TUTORIALS = ["tutorials/mse_to_gan.md", "tutorials/slurm.md"]
PAGES = [*sorted((DOCS / "howto").glob("*.md")), *(DOCS / name for name in ("coming_from.md", *TUTORIALS))]
# What needs somebody at the other end, and where that is tested with one.
ELSEWHERE = {
    "serve": "a browser: tests/serve",
    "vote": "a browser: tests/report",
    "sync": "a server: tests/training/test_wandb.py",
    "completion": "a shell: tests/cli",
    "new": "a folder of one's own, which tests/starting makes",
}
# What a page's RUN was trained by, of all its commands or of those that have a word.
MEANT = {
    "coming_from": {"": ["experiment=srresnet"]},
    "color": {"": ["experiment=user_guided_classes"]},
    "drawings": {"": ["experiment=sketch_simplification_2016"]},
    "edits": {"": ["experiment=detect_edits"]},
    "evaluate": {
        "other=": ["experiment=srresnet", "generator.upsampling=nearest"],
        "evaluation.ensemble=": ["experiment=srresnet"],
        "evaluation.curve=": ["experiment=user_guided_color"],
        "": ["experiment=glcic", "loss=[mse]", "checkpoint.keep.every=1"],
    },
    "predict": {
        "mask=": ["experiment=glcic", "loss=[mse]", "checkpoint.keep.every=1"],
        "strokes=": ["experiment=scribbler"],
        "input=sketch.png": ["experiment=sketch_simplification_2016"],
        "points=": ["experiment=user_guided_color"],
        "style=": ["experiment=let_there_be_color", "data=image_folder", "data.path=photos"],
        "input=grey.jpg": ["experiment=let_there_be_color", "data=image_folder", "data.path=photos"],
        "input=small.jpg": ["experiment=srresnet"],
        "side=": ["experiment=johnson", "style=painting.jpg", "data=image_folder", "data.path=photos"],
    },
    "resume": {"": ["experiment=glcic"]},
    "sketches": {"": ["experiment=scribbler"]},
    "style": {"": ["experiment=johnson", "style=painting.jpg", "data=image_folder", "data.path=photos"]},
    "super_resolution": {
        "other=": ["experiment=srresnet", "generator.upsampling=nearest"],
        "init=": ["experiment=srresnet", "loss=[l1]", "generator.upsampling=nearest", "size=64"],
        "": ["experiment=srresnet"],
    },
    "train": {
        "experiment=adversarial_augmentation_2018": ["experiment=sketch_simplification_2016"],
        "experiment=user_guided_color": ["experiment=user_guided_classes"],
    },
    "": {"": ["experiment=glcic", "loss=[mse]", "checkpoint.keep.every=1"]},
}
GAN = {
    "evaluate": ["experiment=srgan"],
    "super_resolution": ["experiment=srgan"],
    "": ["experiment=glcic", "loss=[mse,adversarial]"],
}
# What stands for something of the reader's own, or for a long training, and what it is here.
HERE = {
    "scale=paper": "scale=smoke",
    "paths.runs=/shared/runs": "paths.runs=outputs/runs",
    "docs/tutorials/alpha": str(DOCS / "tutorials" / "alpha"),
    "iteration=200_000": "iteration=2",
    "scribble=strokes.png": "scribble=strokes of a photograph.png",
    "schedule.joint.iterations=${iterations:600_000}": "schedule.joint.iterations=2",
    "schedule.joint.iterations=4_000": "schedule.joint.iterations=1",
    "schedule.joint.iterations=600": "schedule.joint.iterations=1",
    "side=720": "side=96",
    "count=5000": "count=4",
    "model=MODEL": "model=completion",
    "input=DIR": "input=frames",
    "mask=DIR": "mask=masks",
    "output=DIR": "output=made",
    "data.path=DIR": "data.path=photos",
    "output=FILE.onnx": "output=file.onnx",
}
# Files that their authors alone give away: tests/pretrained has made ones of the same layout.
OF_OTHERS = ("FILE", "big-lama.pth", "edsr_x4.pth")


class Desk:
    """A folder with what the pages name: photographs, masks, sketches, small data sets, and runs where one is meant."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs: dict[tuple[str, ...], str] = {}
        self.ran: set[tuple[str, ...]] = set()
        self.lay_out()

    def lay_out(self) -> None:
        photograph = Image.fromarray(samples.chelsea())
        for place in ("photos", "BSDS500/train", "BSDS500/val", "BSDS500/test", "Set5", "frames"):
            (self.folder / place).mkdir(parents=True)
            for number in range(4):
                box = (number * 40, number * 20, number * 40 + 128, number * 20 + 112)
                photograph.crop(box).save(self.folder / place / f"{number}.png")
        for number in range(4):
            self.mask((128, 112)).save(self.folder / "photos" / f"{number}_mask.png")
        one = photograph.crop((60, 20, 276, 204))
        for name in ("photo.jpg", "painting.jpg", "hazy.jpg"):
            one.save(self.folder / name)
        one.convert("L").save(self.folder / "grey.jpg")
        one.resize((48, 40)).save(self.folder / "small.jpg")
        for name in ("a.png", "hole.png", "object.png", "map.png"):
            self.mask(one.size).save(self.folder / name)
        self.mask((128, 112)).save(self.folder / "logo.png")
        (self.folder / "sketches").mkdir()
        for name in ("sketch.png", "sketches/0.png", "sketches/1.png"):
            sketch = Image.new("L", (96, 96), 255)
            ImageDraw.Draw(sketch).ellipse((20, 20, 70, 70), outline=60, width=2)
            sketch.save(self.folder / name)
        for size, name in ((one.size, "strokes of a photograph.png"), ((96, 96), "strokes.png")):
            strokes = Image.new("RGBA", size)
            ImageDraw.Draw(strokes).line((30, 30, 60, 60), fill=(200, 40, 40, 255), width=6)
            strokes.save(self.folder / name)
        both = Image.new("RGB", (256, 112))
        for split in ("train", "val", "test"):
            (self.folder / "facades" / split).mkdir(parents=True)
            both.paste(photograph.crop((0, 0, 128, 112)))
            both.paste(photograph.crop((128, 0, 256, 112)), (128, 0))
            both.save(self.folder / "facades" / split / "0.png")
        (self.folder / "masks").mkdir()
        for number in range(4):
            self.mask((128, 112)).save(self.folder / "masks" / f"{number}.png")
        self.voc()

    def mask(self, size: tuple[int, int]) -> Image.Image:
        found = Image.new("L", size)
        ImageDraw.Draw(found).ellipse((60, 50, 80, 70), fill=255)
        return found

    def voc(self) -> None:
        root = self.folder / "VOC" / "VOCdevkit" / "VOC2012"
        for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
            (root / name).mkdir(parents=True)
        stems = [f"2007_{number:06}" for number in range(12)]
        for number, stem in enumerate(stems):
            Image.fromarray(samples.chelsea()[: 64 + number, :64]).save(root / "JPEGImages" / f"{stem}.jpg")
            labels = np.arange(64 * (64 + number), dtype=np.int64).reshape(-1, 64) // 8 % 21
            Image.fromarray(labels.astype(np.uint8)).save(root / "SegmentationClass" / f"{stem}.png")
        lists = root / "ImageSets" / "Segmentation"
        (lists / "train.txt").write_text("\n".join(stems[:8]) + "\n")
        (lists / "val.txt").write_text("\n".join(stems[8:]) + "\n")

    def run(self, words: list[str]) -> str:
        """Return the folder of the run that these words train, trained when it is first asked for."""
        if tuple(words) not in self.runs:
            code, said = told("train", [*words, *small("train", words)])
            assert not code, f"{words}: {said}"
            self.runs[tuple(words)] = said.splitlines()[-1]
        return self.runs[tuple(words)]

    def sweep(self) -> str:
        """Return the folder of a sweep."""
        if not list(Path("outputs/runs/sweeps").glob("*")):
            words = ["-m", "experiment=glcic", "loss=[mse]", "seed=0,1"]
            code, said = told("train", [*words, *small("train", words)])
            assert not code, said
        return str(next(Path("outputs/runs/sweeps").glob("*")))


def told(verb: str, words: list[str]) -> tuple[int, str]:
    """Run a verb, in this process where it starts no other by its own name; return its exit code and what it said."""
    said = io.StringIO()
    if {"-m", "--help"} & set(words) or any(word.startswith("trainer.devices=") for word in words):
        done = subprocess.run(
            [sys.executable, "-m", "henkan", verb, *words], capture_output=True, text=True, timeout=600
        )
        return done.returncode, done.stdout + done.stderr
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = execute(verb, as_overrides(words) if verbs()[verb].composed else words).code
        except SystemExit as end:
            code = int(end.code or 0)
    return code, said.getvalue()


def small(verb: str, words: list[str]) -> Iterator[str]:
    """Yield what makes a command one of seconds: smoke's scale, an iteration a phase, two pictures."""
    if "--help" in words:
        return
    has_scale = any(word.startswith(("run=", "model=", "scale=")) for word in words)
    if verb in ("train", "check", "preview", "evaluate", "degrade") and not has_scale:
        # A network that comes along has its own size.
        yield "scale=laptop" if any("init=model:" in word for word in words) else "scale=smoke"
    if verb == "train":
        said = [word.partition("=")[0] for word in words]
        plain = [word for word in words if "-m" not in words or word.startswith("experiment=")]
        phases = compose_root("train", plain).schedule
        # Whether one batch can be fitted is seen after some.
        phases = [] if "debug=overfit" in words else phases
        yield from (f"schedule.{name}.iterations=1" for name in phases if f"schedule.{name}.iterations" not in said)
        yield from ("validation.pictures=1", "trainer.bar=false", "evaluation.pictures=1")
        if "logger" not in said:
            yield "logger=csv"
    if verb == "evaluate":
        yield "evaluation.pictures=2"
    # Whoever asks for the smallest scale means to see it run.
    run_whole = {"seeds=[0]", "scale=smoke"} <= set(words)
    if verb in ("study", "search") and not run_whole and "--dry-run" not in words:
        yield "--dry-run"
    if verb == "runs" and words[:1] == ["delete"]:
        yield "--yes"


def meant(page: Path, words: tuple[str, ...]) -> list[str]:
    """Return what the run that a command names was trained by."""
    table = MEANT.get(page.stem, MEANT[""])
    return next(found for mark, found in table.items() if any(mark in word for word in words))


def as_run(page: Path, words: tuple[str, ...], desk: Desk) -> Iterator[str]:
    """Yield the words of a command with what is here in place of what stands for something of the reader's."""

    def place(found: re.Match[str]) -> str:
        return desk.run(GAN.get(page.stem, GAN[""]) if found[2] == "GAN" else meant(page, words))

    for word in words:
        word = HERE.get(word, word)
        word = re.sub(r"(outputs/runs/|\b(?<=run=))(RUN|MSE|GAN|JOHNSON|A)\b", place, word)
        if word in ("1a2b3c", "4d5e6f"):
            known = sorted(path.parent.name.rpartition("-")[2] for path in Path("outputs/runs").glob("glcic*/run.json"))
            word = known[0 if word == "1a2b3c" else -1]
        if word in ("outputs/runs/glcic-*", "/shared/runs/glcic-*"):
            yield from (desk.run(GAN[""]), desk.run(MEANT[""][""]))
        else:
            yield desk.sweep() if word == "outputs/runs/sweeps/DATE" else word


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("HENKAN_CACHE", str(folder / "cache"))
        patch.setenv("BSDS500", "BSDS500")
        if (weights := BESIDE / "weights").is_dir():
            patch.setenv("HENKAN_WEIGHTS", str(weights))
        yield Desk(folder)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_of_a_page_runs(page: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk.folder)
    shutil.copy(FOLDER / "sr.safetensors", "mine.safetensors")
    failed = []
    for command in commands(page):
        found = of_henkan(command.words)
        if command.why or not found or len(found) == 1 or found[0] in ELSEWHERE:
            continue
        if any(word.partition("=")[2] in OF_OTHERS or word in OF_OTHERS for word in found):
            continue
        verb, words = found[0], list(as_run(page, found[1:], desk))
        if (verb, *words) in desk.ran:
            continue
        desk.ran.add((verb, *words))
        print(command.place, flush=True)
        begun = time.perf_counter()
        code, said = told(verb, [*words, *small(verb, words)])
        print(f"{time.perf_counter() - begun:.1f} s", flush=True)
        # Published weights, which a test may not need.
        if code and "is missing: download" not in said:
            failed.append(f"{command.place}: {said.strip().splitlines()[-1]}")
    assert not failed, "\n".join(failed)
