"""Frozen networks: the right weights and normalization, frozen, and differentiable."""

from collections.abc import Callable
from pathlib import Path

import pytest
import skimage.data
import torch
from published import published
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import vgg16, vgg19
from torchvision.models._meta import _IMAGENET_CATEGORIES as CLASSES

from henkan.errors import MissingWeights, UserError
from henkan.pretrained import weights
from henkan.pretrained.features import (
    VGG16,
    VGG19,
    Features,
    Lite0,
    SegmentationResNet50,
    VGG16Oxford,
    deep_stem_resnet50,
)

VGGS = [(VGG16, vgg16, 13), (VGG19, vgg19, 16)]


@pytest.fixture(scope="module")
def lite0() -> Lite0:
    return Lite0(("stage1", "stage2", "stage3", "stage4", "stage5", "pooled", "logits"))


def on_meta(build: Callable[..., nn.Module]) -> nn.Module:
    with torch.device("meta"):
        return build(weights=None, init_weights=False)


@pytest.fixture
def random_vgg(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Tensor]]:
    """Stand random weights in for the downloads; returns them by file name."""
    states: dict[str, dict[str, Tensor]] = {}

    def load(url: str) -> dict[str, Tensor]:
        name = url.rpartition("/")[2]
        generator = torch.Generator().manual_seed(0)
        states[name] = {
            key: torch.randn(value.shape, generator=generator) / 20 if "features" in key else torch.empty(value.shape)
            for key, value in on_meta(vgg16 if "vgg16" in name else vgg19).state_dict().items()
        }
        return states[name]

    monkeypatch.setattr(weights, "load", load)
    return states


@pytest.mark.parametrize(("photograph", "right"), [("chelsea", "cat"), ("coffee", "espresso"), ("rocket", "missile")])
def test_lite0_recognizes_photographs(lite0: Lite0, photograph: str, right: str) -> None:
    picture = torch.from_numpy(getattr(skimage.data, photograph)().copy()).permute(2, 0, 1)[None] / 255
    height, width = picture.shape[2:]
    side = min(height, width)
    picture = picture[..., (height - side) // 2 :, (width - side) // 2 :][..., :side, :side]
    picture = functional.interpolate(picture, (224, 224), mode="bicubic", antialias=True).clamp(0, 1)
    assert right in CLASSES[int(lite0(picture)["logits"].argmax())]


def test_lite0_has_the_strides_and_channels_it_documents(lite0: Lite0) -> None:
    activations = lite0(torch.rand(2, 3, 64, 96))
    shapes = [tuple(activations[f"stage{stage}"].shape) for stage in range(1, 6)]
    assert shapes == [(2, 16, 32, 48), (2, 24, 16, 24), (2, 40, 8, 12), (2, 112, 4, 6), (2, 320, 2, 3)]
    assert activations["pooled"].shape == (2, 1280)


def test_lite0_takes_odd_sides(lite0: Lite0) -> None:
    assert lite0(torch.rand(1, 3, 37, 50))["stage5"].shape == (1, 320, 2, 2)


def test_frozen_in_eval_mode_whatever_the_parent_does(lite0: Lite0) -> None:
    picture = torch.rand(2, 3, 32, 32)
    before = lite0(picture)["stage5"]
    parent = nn.Sequential(lite0).train()
    assert not any(module.training for module in lite0.modules())
    assert torch.equal(lite0(picture)["stage5"], before)
    assert not any(parameter.requires_grad for parameter in parent.parameters())


def test_gradient_reaches_the_picture_even_if_built_in_inference_mode() -> None:
    with torch.inference_mode():
        features = Lite0(["stage2"])
    picture = torch.rand(1, 3, 32, 32, requires_grad=True)
    features(picture)["stage2"].square().sum().backward()
    assert picture.grad is not None and picture.grad.abs().sum() > 0


def test_building_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    Lite0()
    assert torch.equal(torch.get_rng_state(), before)


def test_an_unknown_layer_is_told_with_the_nearest_one() -> None:
    with pytest.raises(UserError, match="Lite0 has no layer stage6: did you mean stage"):
        Lite0(["stage6"])
    with pytest.raises(UserError, match="names no layer"):
        Lite0([])


def test_steps_after_the_last_wanted_layer_are_dropped() -> None:
    assert list(Lite0(["stage2", "stage1"]).steps) == ["stage1", "stage2"]


@pytest.mark.parametrize(("network", "build", "convolutions"), VGGS)
def test_vgg_layers_are_those_of_torchvision(
    random_vgg: dict[str, dict[str, Tensor]],
    network: Callable[..., Features],
    build: Callable[..., nn.Module],
    convolutions: int,
) -> None:
    features = network(["conv1_1", "relu1_1", "conv3_1", "relu5_1", "conv5_3", "relu5_3"])
    (state,) = random_vgg.values()
    reference = on_meta(build)
    reference.load_state_dict(state, assign=True)
    picture = torch.rand(1, 3, 32, 32)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    values, wanted = (picture - mean.view(3, 1, 1)) / std.view(3, 1, 1), []
    for module in reference.features:
        values = module(values)
        # The reference's ReLU works in place: keep what the convolution gave.
        wanted.append(values.clone())
    activations = features(picture)
    third_block = 10
    for layer, index in {"conv1_1": 0, "relu1_1": 1, "conv3_1": third_block}.items():
        assert torch.allclose(activations[layer], wanted[index], atol=1e-6), layer
    fifth_block = {13: 24, 16: 28}[convolutions]
    for layer, index in {
        "relu5_1": fifth_block + 1,
        "conv5_3": fifth_block + 4,
        "relu5_3": fifth_block + 5,
    }.items():
        assert torch.allclose(activations[layer], wanted[index], atol=1e-6), layer
    # Before the ReLU there are negative values, which one that works in place would have wiped out.
    assert activations["conv5_3"].min() < 0 <= activations["relu5_3"].min()


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights at all."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setenv("HENKAN_WEIGHTS", str(tmp_path / "weights"))


@pytest.mark.usefixtures("nothing")
@pytest.mark.parametrize("network", [VGG16, VGG16Oxford, VGG19])
def test_absent_vgg_weights_are_named(network: Callable[..., Features]) -> None:
    with pytest.raises(MissingWeights, match=r"(vgg1[69]-[0-9a-f]{8}\.pth|vgg16_oxford\.safetensors) is missing"):
        network()


@pytest.mark.parametrize("network", [VGG16, VGG19])
def test_pooling_may_average(random_vgg: dict[str, dict[str, Tensor]], network: Callable[..., Features]) -> None:
    picture = torch.rand(1, 3, 16, 20)
    for pooling, pool in (("max", functional.max_pool2d), ("average", functional.avg_pool2d)):
        found = network(["relu1_2", "pool1", "relu2_2", "pool2"], pooling=pooling)(picture)
        for block in (1, 2):
            assert torch.equal(found[f"pool{block}"], pool(found[f"relu{block}_2"], 2))


def test_the_authors_vgg_sees_values_of_0_to_255_less_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    state = {
        key: torch.randn(value.shape, generator=generator) / 20
        for key, value in on_meta(vgg16).state_dict().items()
        if key.startswith("features")
    }
    monkeypatch.setattr(weights, "load_known", lambda *_: state)
    picture = torch.rand(1, 3, 16, 16)
    values = 255 * picture - torch.tensor([123.68, 116.779, 103.939]).view(3, 1, 1)
    wanted = functional.conv2d(values, state["features.0.weight"], state["features.0.bias"], padding=1)
    assert torch.allclose(VGG16Oxford(["conv1_1"])(picture)["conv1_1"], wanted, atol=1e-3)


def test_the_authors_weights_have_what_they_published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HENKAN_WEIGHTS", str(published("vgg16_oxford.safetensors").parent))
    network = VGG16Oxford(["conv1_1", "relu5_3", "pool5"])
    assert sum(value.numel() for value in network.parameters()) == 14_714_688
    # The mean color is 0 to the network: what is left of it is its biases.
    mean = torch.tensor([123.68, 116.779, 103.939]).view(1, 3, 1, 1) / 255
    found = network(mean.expand(1, 3, 32, 32))
    bias = dict(network.steps.named_parameters())["conv1_1.bias"]
    assert torch.allclose(found["conv1_1"], bias.view(1, 64, 1, 1).expand(1, 64, 32, 32), atol=1e-3)
    # Trained on photographs: the right side up says more than noise of the same colors.
    photograph = torch.from_numpy(skimage.data.chelsea()[:224, 100:324].copy()).permute(2, 0, 1)[None] / 255
    shuffled = photograph.flatten(2)[..., torch.randperm(224 * 224, generator=torch.Generator().manual_seed(0))]
    ours, noise = (network(x)["pool5"].max() for x in (photograph, shuffled.view_as(photograph)))
    assert ours > 2 * noise


def test_the_segmentation_network_is_dilated_and_has_a_deep_stem(monkeypatch: pytest.MonkeyPatch) -> None:
    state = deep_stem_resnet50().state_dict()
    # 23,508,032 of torchvision's ResNet-50 without its classifier, and what three convolutions take more than one.
    assert sum(value.numel() for key, value in state.items() if "num_batches" not in key and "running" not in key) == (
        23_508_032
        - (64 * 3 * 49 + 2 * 64)
        + (64 * 27 + 64 * 576 + 128 * 576 + 2 * (64 + 64 + 128))
        + 64 * 64
        + 64 * 256
    )
    monkeypatch.setattr(weights, "load_unnamed", lambda url: state)
    network = SegmentationResNet50()
    shapes = {name: tuple(value.shape[1:]) for name, value in network(torch.rand(1, 3, 64, 48)).items()}
    assert shapes == {"layer1": (256, 16, 12), "layer2": (512, 8, 6), "layer3": (1024, 8, 6), "layer4": (2048, 8, 6)}


@pytest.mark.usefixtures("nothing")
def test_absent_segmentation_weights_are_named() -> None:
    with pytest.raises(MissingWeights, match=r"encoder_epoch_20\.pth is missing: download http"):
        SegmentationResNet50()
