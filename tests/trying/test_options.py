"""What people have written is tried: what is meant is taken, what is wrong is said in a line, with the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from henkan.errors import UserError
from henkan.trying import options
from henkan.trying.options import built, tried
from henkan.verbs import check

HEAD = """
import numpy as np
import torch
from torch import nn
from henkan.data.pictures import Pictures
from henkan.degradations.degradation import Degradation
from henkan.metrics.set_metric import SetMetric
"""
NETWORK = """
class Mine(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, {outputs}, 3, padding=1{more})

    def forward(self, image):
        {forward}
"""
CALLED = """
class Mine:
    def __call__(self, {arguments}):
        {body}
"""
DEGRADATION = """
class Mine(Degradation):
    def draw(self, target, rng, name=""):
        return {{}}

    def apply(self, sample):
        {body}
"""
DATA = """
class Mine(Pictures):
    def __init__(self):
        super().__init__([f"{{part}}/{{number}}" for part in ("train", "val", "test") for number in range(4)], "mine")

    def picture(self, name):
        {body}

    def manifest(self):
        return "1"
"""


def network(forward: str, outputs: int = 3, more: str = "") -> str:
    return NETWORK.format(forward=forward, outputs=outputs, more=more)


def called(arguments: str, body: str) -> str:
    return CALLED.format(arguments=arguments, body=body)


WRONG = {
    # What a generator makes.
    "a half": (
        "generator",
        network("return {'raw': self.layer(image)}", more=", stride=2"),
        r"makes a tensor \(4, 3, 16, 16\) of sources \(4, 3, 32, 32\)",
    ),
    "two channels": ("generator", network("return self.layer(image)", 2), "and Completion can make nothing of that"),
    "another key": ("generator", network("return {'out': image}"), "returns a mapping of out: it returns pictures"),
    "no gradient": ("generator", network("return self.layer(image).detach()"), "the generator learns nothing"),
    "no weight": ("generator", network("return image + 0 * self.layer(image)"), "no gradient reaches its weights"),
    "NaN": ("generator", network("return self.layer(image) / 0 * 0"), "makes NaN or infinite values"),
    "its own error": ("generator", network("return self.layer(image[:, :1])"), r"RuntimeError: .*, line \d+\)"),
    # What a discriminator says.
    "of the batch": ("discriminator", network("return self.layer(image).mean()"), r"says a tensor \(\) of 8 pictures"),
    "a mapping": ("discriminator", network("return {'logits': self.layer(image)}"), "a mapping of logits: it returns"),
    # What a loss returns.
    "a number": ("loss", called("input, target", "return (input - target).mean().item()"), "returns a float: a tensor"),
    "per channel": ("loss", called("input, target", "return (input - target).mean((0, 2, 3))"), r"returns \(3,\) of 4"),
    "infinite": (
        "loss",
        called("input, target", "return (input - input).log().mean()"),
        "is .* on an ordinary picture",
    ),
    "unknown key": ("loss", called("input, truth", "return (input - truth).mean()"), "reads 'truth', which this"),
    # What a metric returns.
    "of all": ("metric", called("output, target", "return (output - target).mean()"), r"returns a tensor \(\) of"),
    "no value": (
        "metric",
        called("output", "return output.mean((1, 2, 3)) * float('nan')"),
        "metric.mine.* has no value",
    ),
    # What a degradation makes.
    "no source": ("degradation", DEGRADATION.format(body="return {'target': sample['target']}"), "a mapping of target"),
    "spoils the target": (
        "degradation",
        DEGRADATION.format(body="return {**sample, 'source': sample['target'].div_(2)}"),
        "changes the target",
    ),
    "out of range": (
        "degradation",
        DEGRADATION.format(body="return {**sample, 'source': sample['target'] * 255}"),
        r"gives sources from .*: they lie in \[0, 1\]",
    ),
    # What data give.
    "floats": ("data", DATA.format(body="return np.zeros((64, 64, 3))"), r"give float64 \(64, 64, 3\) as train/0"),
    "grey": ("data", DATA.format(body="return np.zeros((64, 64, 1), np.uint8)"), "give 1 channels in train/0 and say"),
}
RIGHT = {
    "a tensor": ("generator", network("return self.layer(image)")),
    "logits alone": ("discriminator", network("return self.layer(image).mean((1, 2, 3))")),
    "a map": ("loss", called("input, target", "return (input - target).abs()")),
    "of the whole batch": ("loss", called("input", "return input.diff().abs().mean()")),
}


@pytest.fixture
def option(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The name of what is written, no two alike: a module is imported once in a process."""
    number = [*WRONG, *RIGHT, "more"].index(request.node.callspec.params["case"])
    return f"mine_{number}"


def write(folder: Path, group: str, option: str, code: str) -> None:
    (folder / f"{option}.py").write_text(HEAD + code)
    node = f"_target_: {option}.Mine"
    place = folder / "conf" / group / f"{option}.yaml"
    place.parent.mkdir(parents=True)
    place.write_text(f"{option}: {{{node}}}\n" if group in ("loss", "metric") else f"{node}\n")


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_in_a_line(
    case: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "SITUATIONS", {"": "image_folder"})
    group, code, message = WRONG[case]
    write(tmp_path, group, option, code)
    with pytest.raises(UserError, match=message) as caught:
        tried(group, option, tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("case", RIGHT)
def test_what_is_meant_is_taken(case: str, option: str, tmp_path: Path) -> None:
    group, code = RIGHT[case]
    write(tmp_path, group, option, code)
    assert tried(group, option, tmp_path) == ""
    assert callable(built(group, option, tmp_path))


def test_an_option_is_tried_until_a_situation_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    color = "experiment=let_there_be_color"
    monkeypatch.setattr(options, "SITUATIONS", dict.fromkeys(("", color), "image_folder"))
    write(tmp_path, "loss", "mine_of_colors", called("ab, target_ab", "return (ab - target_ab).abs().mean((1, 2, 3))"))
    assert tried("loss", "mine_of_colors", tmp_path) == color


def test_check_tries_what_is_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(options, "SITUATIONS", {"": "image_folder"})
    monkeypatch.setattr(check, "configurations", lambda: iter(()))
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "loss", "mine_right", called("input", "return input.mean((1, 2, 3))"))
    assert check.main([]) == 0
    assert "loss=mine_right, tried" in capsys.readouterr().out
    write(tmp_path, "generator", "mine_wrong", network("return self.layer(image).detach()"))
    assert check.main([]) == 2
    assert "generator=mine_wrong, tried: the generator learns nothing" in capsys.readouterr().err
