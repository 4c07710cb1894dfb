"""Weights are taken from one folder, checked, and never downloaded."""

import hashlib
import os
import pickle
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from henkan.errors import MissingWeights, UserError
from henkan.generators.pretrained import Pretrained
from henkan.launching.execute import execute
from henkan.pretrained import weights
from henkan.pretrained.catalogue import known
from henkan.pretrained.saliency import Saliency
from henkan.training import checkpoint, first_weights
from henkan.verbs.weights import add, held

URL = "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setenv("HENKAN_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


def saved(folder: Path, state: object) -> Path:
    """Save `state` as torchvision names its files: the SHA-256 begins with what stands before the suffix."""
    torch.save(state, folder / "new.pth")
    digest = hashlib.sha256((folder / "new.pth").read_bytes()).hexdigest()
    return (folder / "new.pth").rename(folder / f"net-{digest[:8]}.pth")


def test_absent_weights_are_told_in_one_line_and_no_network_is_asked(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(MissingWeights) as error:
        weights.load(URL)
    told = str(error.value)
    assert "\n" not in told and "alexnet-owt-7be5be79.pth" in told and URL in told and str(weights.folder()) in told


def test_present_weights_are_loaded(checkpoints: Path) -> None:
    path = saved(checkpoints, {"a": torch.arange(3)})
    assert torch.equal(weights.load(f"https://example.org/{path.name}?x=1")["a"], torch.arange(3))


def test_the_own_folder_comes_before_the_hub(checkpoints: Path) -> None:
    path = saved(checkpoints, {"a": torch.arange(3)})
    weights.folder().mkdir()
    copy = weights.folder() / path.name
    copy.write_bytes(path.read_bytes())
    assert weights.find(path.name) == copy
    copy.unlink()
    assert weights.find(path.name) == path


def test_the_folder_is_the_variable_or_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HENKAN_WEIGHTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert weights.folder() == tmp_path / "henkan" / "weights"
    with weights.sought_in("elsewhere"):
        assert weights.folder() == Path("elsewhere")
        with weights.sought_in(None):
            assert weights.folder() == Path("elsewhere")
    assert "HENKAN_WEIGHTS" not in os.environ
    monkeypatch.setenv("HENKAN_WEIGHTS", "~/w")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert weights.folder() == tmp_path / "w"


def test_a_verb_seeks_where_paths_weights_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, root: Callable[[Any], None]
) -> None:
    seen = []
    monkeypatch.delenv("HENKAN_WEIGHTS", raising=False)
    root(lambda cfg: seen.append(weights.folder()))
    assert execute("train", [f"paths.weights={tmp_path / 'mine'}"]).code == 0
    monkeypatch.setenv("HENKAN_WEIGHTS", "given")
    assert execute("train", []).code == 0
    assert seen == [tmp_path / "mine", Path("given")] and os.environ["HENKAN_WEIGHTS"] == "given"


def test_a_corrupt_file_is_refused_unread(checkpoints: Path) -> None:
    torch.save({"a": torch.zeros(1)}, checkpoints / "alexnet-owt-7be5be79.pth")
    with pytest.raises(UserError, match="damaged.*delete it, download") as error:
        weights.load(URL)
    assert not isinstance(error.value, MissingWeights)


def test_a_file_that_changes_is_checked_again(checkpoints: Path) -> None:
    path = saved(checkpoints, {"a": torch.zeros(1)})
    weights.load(f"https://example.org/{path.name}")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    os.utime(path, ns=(1, 1))
    with pytest.raises(UserError, match="damaged"):
        weights.load(f"https://example.org/{path.name}")


class Malice:
    """Its pickle leaves a file where it is read."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.place}",)


@pytest.mark.parametrize("protocol", ["archive", "bare"])
def test_a_pickle_with_code_is_not_run(checkpoints: Path, protocol: str) -> None:
    malice = {"a": torch.zeros(1), "b": Malice(checkpoints / "ran")}
    path = saved(checkpoints, malice)
    if protocol == "bare":
        path.write_bytes(pickle.dumps(malice["b"]))
        path = path.rename(path.with_name(f"net-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.pth"))
    for load in (weights.load, weights.load_unnamed):
        with pytest.raises(UserError, match="could run code; delete it, download") as error:
            load(f"https://example.org/{path.name}")
        assert "\n" not in str(error.value)
    assert not (checkpoints / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"<html>not found</html>"])
def test_what_is_no_archive_is_told_in_one_line(checkpoints: Path, content: bytes) -> None:
    (checkpoints / "encoder_epoch_20.pth").write_bytes(content)
    with pytest.raises(UserError, match="delete it, download") as error:
        weights.load_unnamed("http://example.org/encoder_epoch_20.pth")
    assert "\n" not in str(error.value) and "encoder_epoch_20.pth" in str(error.value)


@pytest.mark.parametrize("content", [[torch.zeros(1)], {"a": {"b": torch.zeros(1)}}, torch.zeros(1)])
def test_what_holds_no_named_tensors_is_refused(checkpoints: Path, content: object) -> None:
    path = saved(checkpoints, content)
    with pytest.raises(UserError, match="does not hold named tensors"):
        weights.load_unnamed(f"https://example.org/{path.name}")


def test_everything_is_loaded_without_running_anything() -> None:
    source = {path: path.read_text() for path in Path(weights.__file__).parents[1].rglob("*.py")}
    calls = [call for text in source.values() for call in re.findall(r"torch\.load\(.*\)", text)]
    assert len(calls) >= 2 and all("weights_only=True" in call for call in calls)
    package = Path(weights.__file__).parents[1]
    # What was written a line before is read again there; and programs are run, once they are known to be trusted.
    for path in ("exporting/formats/torchscript.py", "prediction/program.py"):
        del source[package / path]
    for word in ("allow_pickle", "pickle.load", "torch.jit.load", "torch.hub.load", "read_pickle", "yaml.load("):
        assert [path.name for path, text in source.items() if word in text] == [], word


def segmentation() -> object:
    return weights.load_unnamed(known("segmentation").origin.removeprefix("download "))


# Wherever weights are read: the file's name, and what reads it.
READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "by its hash": ("vgg16-397923af.pth", lambda _: weights.load("https://there/vgg16-397923af.pth")),
    "by its values": ("vgg16_oxford.safetensors", lambda _: weights.load_known("vgg16_oxford")),
    "by its shapes": ("encoder_epoch_20.pth", lambda _: segmentation()),
    "of edges": ("hed_bsds500.safetensors", lambda _: weights.load_known("hed")),
    "of objects": ("u2netp.onnx", lambda _: Saliency()),
    "of any network": ("any.pth", lambda path: Pretrained(str(path))),
    "a checkpoint": ("last.ckpt", checkpoint.load),
    "first weights": ("big-lama.pth", first_weights.read),
    "to be added": ("some.pth", add),
    "lying there": ("other.pth", held),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "it is empty"), (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull")],
    ids=["empty", "pointer"],
)
def test_every_reader_calls_empty_files_and_pointers_what_they_are(
    reader: str, content: bytes, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reader == "of any network":
        pytest.importorskip("spandrel")
    monkeypatch.setenv("HENKAN_WEIGHTS", str(tmp_path))
    name, read = READERS[reader]
    (tmp_path / name).write_bytes(content)
    try:
        said = str(read(tmp_path / name))
    except UserError as error:
        said = str(error)
    assert told in said and "\n" not in said and (reader == "lying there" or name in said)
