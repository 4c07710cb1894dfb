"""Published networks are told by the values of their weights, however and under whatever name they are kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from published import published
from safetensors.torch import load_file, save_file
from torch import Tensor
from torchvision.models import vgg16, vgg19

from henkan.errors import MissingWeights, UserError
from henkan.losses.perceptual import Perceptual
from henkan.pretrained import catalogue, weights
from henkan.pretrained.catalogue import Network, digest_of, known, nearest, recognize
from henkan.pretrained.features import VGG16Oxford
from henkan.pretrained.shared import View
from henkan.terms.function import Function
from henkan.verbs import weights as verb

SHAPES = {"first.weight": (4, 3, 3, 3), "first.bias": (4,), "last.weight": (2, 4, 1, 1), "last.bias": (2,)}


def random_weights(seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}


def network(state: dict[str, Tensor], **given: object) -> Network:
    settings = {
        "name": "tiny",
        "file": "tiny.safetensors",
        "what": "the tiny network",
        "origin": "ask for it",
        "licence": "MIT",
        "users": ("henkan.metrics.mse.",),
        "digest": digest_of(state),
        "half": digest_of({name: value.half() for name, value in state.items()}),
        "layout": lambda: SHAPES,
        **given,
    }
    return Network(**settings)  # type: ignore[arg-type]


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Network:
    """The only network known, and an empty folder for it."""
    one = network(random_weights())
    other = network(random_weights(1), name="other", file="other.safetensors", what="the other network")
    monkeypatch.setattr(catalogue, "NETWORKS", (one, other))
    monkeypatch.setenv("HENKAN_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    (tmp_path / "weights").mkdir()
    return one


def as_bgr(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {**state, "first.weight": state["first.weight"].flip(1)}


CONTAINERS: dict[str, Callable[[dict[str, Tensor]], object]] = {
    "plain": dict,
    "wrapped": lambda state: {"epoch": 3, "state_dict": {f"module.{name}": value for name, value in state.items()}},
    "averaged": lambda state: {"params_ema": state, "params": {}},
    "with_a_head": lambda state: {**state, "head.weight": torch.zeros(3)},
    "bgr": as_bgr,
    "half": lambda state: {name: value.half() for name, value in as_bgr(state).items()},
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_weights_are_known_however_they_are_kept(tiny: Network, tmp_path: Path, container: str) -> None:
    state = random_weights()
    torch.save(CONTAINERS[container](state), tmp_path / "download.bin")
    assert verb.main(["add", str(tmp_path / "download.bin")]) == 0
    found = weights.load_known("tiny")
    for name, value in state.items():
        assert torch.equal(found[name], value.half().float() if container == "half" else value)
    assert found.exact == (container != "half")


def test_the_digest_is_that_of_names_shapes_and_values() -> None:
    state = {"b": torch.arange(6.0).view(2, 3), "a": torch.ones(1)}
    assert digest_of(state) == digest_of({"a": state["a"].half(), "b": state["b"]})
    others = ({"c": state["b"], "a": state["a"]}, {**state, "b": state["b"].view(3, 2)}, {**state, "a": torch.zeros(1)})
    assert len({digest_of(state), *map(digest_of, others)}) == 4


def test_other_values_of_known_shapes_are_unverified(tiny: Network) -> None:
    found = recognize(random_weights(2))
    assert found is not None and not found.verified and not found.exact
    assert recognize({**random_weights(2), "more": torch.zeros(1)}) is None
    assert recognize({}) is None and nearest({"a": torch.zeros(1)}) is None


def test_what_is_not_what_its_name_says_is_told(tiny: Network, tmp_path: Path) -> None:
    path = tmp_path / "weights" / "tiny.safetensors"
    with pytest.raises(
        MissingWeights,
        match=r"^tiny\.safetensors is missing: ask for it, and put it into .*weights with henkan weights add FILE$",
    ):
        weights.load_known("tiny")
    state = random_weights()
    cases = {
        "the other network: delete it, ask for it": random_weights(1),
        "the tiny network, by names and shapes, of other values": random_weights(2),
        r"what is nearly the tiny network, but it lacks last\.bias": {k: state[k] for k in state if k != "last.bias"},
        r"but first\.bias is \(5,\) in it, not \(4,\)": {**state, "first.bias": torch.zeros(5)},
        "nothing that is known here": {"a": torch.zeros(1)},
    }
    for told, content in cases.items():
        save_file(content, path)
        with pytest.raises(UserError, match=f"is to hold the tiny network, and holds .*{told}") as error:
            weights.load_known("tiny")
        assert "\n" not in str(error.value)
    save_file(state, path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(
        UserError, match=r"tiny\.safetensors is damaged \(.*\) or no file of weights: delete it, ask for it"
    ) as error:
        weights.load_known("tiny")
    assert "\n" not in str(error.value)


def test_a_published_file_is_known_by_its_hash(tiny: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "download.pth"
    torch.save(random_weights(3), path)
    begin = weights.hash_of(path)[:8]
    one = network({}, file=f"tiny-{begin}.pth", hashes=(begin,), digest=None, half=None)
    monkeypatch.setattr(catalogue, "NETWORKS", (one,))
    assert verb.add(path) == tmp_path / "weights" / f"tiny-{begin}.pth"
    assert weights.load(f"https://example.org/tiny-{begin}.pth").exact
    # Its tensors in another file: nothing says that they are the published ones.
    weights.there(one.file).unlink()  # type: ignore[union-attr]
    save_file(random_weights(3), tmp_path / "copy.safetensors")
    assert verb.add(tmp_path / "copy.safetensors") == tmp_path / "weights" / "tiny.safetensors"
    found = weights.load(f"https://example.org/tiny-{begin}.pth")
    assert not found.exact and torch.equal(found["last.bias"], random_weights(3)["last.bias"])
    save_file({"a": torch.zeros(1)}, tmp_path / "weights" / "tiny.safetensors")
    with pytest.raises(UserError, match="is to hold the tiny network, and holds nothing that is known here"):
        weights.load(f"https://example.org/tiny-{begin}.pth")


def test_the_verb_tells_what_is_here(tiny: Network, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "weights"
    save_file(random_weights(1), folder / "mine.safetensors")
    (folder / "broken.pth").write_bytes(b"PK\x03\x04")
    (folder / "notes.txt").write_text("no")
    save_file(random_weights(2), folder / "other.safetensors")
    assert verb.main([]) == 0
    told = capsys.readouterr().out
    assert "metric=mse" in told and "tiny: ask for it\n" in told and "other: ask" not in told
    assert "mine.safetensors: the other network: `henkan weights add` gives it the name" in told
    assert "broken.pth: is damaged" in told and "notes.txt" not in told
    assert str(folder) in told
    save_file(random_weights(), folder / "tiny.safetensors")
    save_file(random_weights(1), folder / "other.safetensors")
    assert verb.main([f"paths.weights={folder}"]) == 0
    assert capsys.readouterr().out.count("verified: ") == 2
    # No folder at all is no error.
    assert verb.main([f"paths.weights={tmp_path / 'none'}"]) == 0
    with pytest.raises(UserError, match=r"notes\.txt is no folder"):
        verb.main([f"paths.weights={folder / 'notes.txt'}"])


@pytest.mark.parametrize("columns", ["12", "80"])
def test_no_terminal_cuts_a_name(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert verb.main([]) == 0
    told = capsys.readouterr().out.split()
    for one in catalogue.NETWORKS:
        assert {one.name, *verb.serves(one), *one.licence.split()} <= set(told)


def test_the_verb_refuses_what_it_cannot_add(tiny: Network, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no file .*none\.pth"):
        verb.main(["add", str(tmp_path / "none.pth")])
    with pytest.raises(UserError, match="it is henkan weights, or henkan weights add FILE"):
        verb.main(["remove", "x"])
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(UserError, match=r"a\.pth holds nothing that is known here; henkan weights lists what is"):
        verb.add(tmp_path / "a.pth")
    (tmp_path / "a.onnx").write_bytes(b"x")
    with pytest.raises(UserError, match=r"a\.onnx holds a network that is not known here"):
        verb.add(tmp_path / "a.onnx")


def test_every_network_serves_something_and_is_told_by_something() -> None:
    files = [one.file for one in catalogue.NETWORKS] + [weights.copied(one) for one in catalogue.NETWORKS]
    assert len(set(files)) == len(files) - sum(one.file == weights.copied(one) for one in catalogue.NETWORKS)
    for one in catalogue.NETWORKS:
        assert one.hashes or one.layout is not None
        assert one.origin and one.licence and one.users
    assert "loss=perceptual" in verb.serves(known("lite0"))
    assert {"loss=perceptual_oxford", "metric=vgg16_distance"} <= set(verb.serves(known("vgg16_oxford")))
    assert verb.serves(known("hed")) == ["degradation=scribble_hed"]
    assert verb.here(known("lite0")) == "comes with henkan"


def test_layouts_are_those_of_the_networks() -> None:
    for build, blocks in ((vgg16, catalogue.VGG16), (vgg19, catalogue.VGG19)):
        with torch.device("meta"):
            state = build(weights=None).features.state_dict()
        assert catalogue.vgg_features(blocks) == {f"features.{k}": tuple(v.shape) for k, v in state.items()}
    sizes = {name: sum(map(numel, layout().values())) for name, layout in LAYOUTS.items()}
    assert sizes == {
        "vgg16_oxford": 14_714_688,
        "hed": 14_716_171,
        "realesrgan_x4plus": 16_697_987,
        "vgg16": 138_357_544,
    }


LAYOUTS = {name: known(name).layout or dict for name in ("vgg16_oxford", "hed", "realesrgan_x4plus", "vgg16")}


def numel(shape: tuple[int, ...]) -> int:
    return torch.Size(shape).numel()


@pytest.mark.parametrize("name", ["vgg16_oxford", "hed", "realesrgan_x4plus", "u2netp"])
def test_the_published_files_are_recognized(name: str) -> None:
    path = published(known(name).file)
    found = weights.recognized(path, "get it anew")
    assert found is not None and found.network is known(name) and found.verified and found.exact


def test_caffes_names_of_a_vgg_are_known() -> None:
    state = load_file(published("vgg16_oxford.safetensors"))
    names = list(catalogue.vgg_trunk(catalogue.VGG16, lambda block, place: f"conv{block}_{place}"))
    caffe = {name: state[own] for name, own in zip(names, catalogue.vgg_features(catalogue.VGG16), strict=True)}
    caffe["conv1_1.weight"] = caffe["conv1_1.weight"].flip(1)
    found = recognize(caffe)
    assert found is not None and found.network is known("vgg16_oxford") and found.exact
    assert torch.equal(found.tensors["features.0.weight"], state["features.0.weight"])


def test_a_runs_identity_counts_weights_that_no_name_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = catalogue.vgg_features(catalogue.VGG16)
    state = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    altered = {**state, "features.2.bias": state["features.2.bias"] + 1}

    def seen(tensors: dict[str, Tensor], exact: bool, *layers: str) -> str | None:
        """What a term that looks at relu1_1 depends on, while others look at `layers`."""
        monkeypatch.setattr(weights, "load_known", lambda name: weights.Weights(tensors, exact))
        build = partial(VGG16Oxford, pooling="average" if layers else "max")
        other = View(build, layers) if layers else None
        function = Perceptual(build, {"relu1_1": 1.0})
        assert other is None or other.shared is function.features.shared
        return Function("perceptual", function).depends_on()

    known, unknown = seen(state, True), seen(state, False)
    assert known is None and isinstance(unknown, str)
    assert seen(state, False, "relu1_2") == unknown
    # What lies behind the layer that it looks at is nothing to it.
    assert seen(altered, False) == unknown
    assert seen({**state, "features.0.bias": torch.zeros(64)}, False) != unknown
