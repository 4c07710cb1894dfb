"""Weights that other code has published load into the network that is the same, and give the same pictures.

The files themselves are not here: what they hold is written down anew below, names and arithmetic, from the code that
they belong to (advimman/lama, junyanz/pytorch-CycleGAN-and-pix2pix, XPixelGroup/BasicSR); LaMa also as spandrel has it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.generators.edsr import EDSR
from henkan.generators.lama import LaMa
from henkan.generators.rrdbnet import RRDBNet
from henkan.generators.srresnet import MSRResNet
from henkan.generators.unet import UNet
from henkan.launching.execute import execute
from henkan.networks.published import translated
from henkan.training import checkpoint, first_weights


class Spectrum(nn.Module):
    """`fu`: what LaMa does to a spectrum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_layer = nn.Conv2d(2 * channels, 2 * channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(2 * channels)

    def forward(self, x: Tensor) -> Tensor:
        waves = torch.view_as_real(torch.fft.rfftn(x, dim=(-2, -1), norm="ortho"))
        batch, channels, height, width, _ = waves.shape
        mixed = waves.permute(0, 1, 4, 2, 3).reshape(batch, 2 * channels, height, width)
        mixed = self.bn(self.conv_layer(mixed)).relu().view(batch, channels, 2, height, width)
        turned = torch.view_as_complex(mixed.permute(0, 1, 3, 4, 2).contiguous())
        return torch.fft.irfftn(turned, s=x.shape[-2:], dim=(-2, -1), norm="ortho")


class Far(nn.Module):
    """`convg2g`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1 = nn.Sequential(nn.Conv2d(channels, half, 1, bias=False), nn.BatchNorm2d(half), nn.ReLU())
        self.fu = Spectrum(half)
        self.conv2 = nn.Conv2d(half, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        return self.conv2(x + self.fu(x))


class Exchange(nn.Module):
    """`FFC_BN_ACT`, of (channels of the local, channels of the global branch) to others."""

    def __init__(self, given: tuple[int, int], made: tuple[int, int], size: int, stride: int = 1) -> None:
        super().__init__()
        settings = {
            "stride": stride,
            "padding": size // 2 if size == 3 else 0,
            "padding_mode": "reflect",
            "bias": False,
        }
        self.ffc = nn.Module()
        for name, inputs, outputs in (
            ("convl2l", given[0], made[0]),
            ("convl2g", given[0], made[1]),
            ("convg2l", given[1], made[0]),
        ):
            if inputs and outputs:
                setattr(self.ffc, name, nn.Conv2d(inputs, outputs, size, **settings))
        if given[1] and made[1]:
            self.ffc.convg2g = Far(given[1])
        self.bn_l = nn.BatchNorm2d(made[0])
        if made[1]:
            self.bn_g = nn.BatchNorm2d(made[1])

    def forward(self, x: tuple[Tensor, Tensor | None]) -> tuple[Tensor, Tensor | None]:
        near, far = x
        local = self.ffc.convl2l(near)
        if far is not None:
            local = local + self.ffc.convg2l(far)
        if not hasattr(self, "bn_g"):
            return self.bn_l(local).relu(), None
        whole = self.ffc.convl2g(near)
        if far is not None:
            whole = whole + self.ffc.convg2g(far)
        return self.bn_l(local).relu(), self.bn_g(whole).relu()


class Residual(nn.Module):
    def __init__(self, channels: tuple[int, int]) -> None:
        super().__init__()
        self.conv1, self.conv2 = (Exchange(channels, channels, 3) for _ in range(2))

    def forward(self, x: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        near, far = self.conv2(self.conv1(x))
        return x[0] + near, x[1] + far


class ReleasedLaMa(nn.Module):
    """Of 64 channels times `width`; the layer that joins both branches has no weights."""

    def __init__(self, blocks: int, width: float) -> None:
        super().__init__()
        c = [round(64 * width) * 2**level for level in range(4)]
        split = (c[3] // 4, c[3] - c[3] // 4)
        down = [Exchange((4, 0), (c[0], 0), 7)]
        down += [Exchange((c[level], 0), (c[level + 1], 0), 3, stride=2) for level in range(2)]
        down += [Exchange((c[2], 0), split, 3, stride=2)]
        up: list[nn.Module] = []
        for level in (3, 2, 1):
            doubling = nn.ConvTranspose2d(c[level], c[level - 1], 3, stride=2, padding=1, output_padding=1)
            up += [doubling, nn.BatchNorm2d(c[level - 1]), nn.ReLU()]
        self.exchanges = 1 + len(down) + blocks
        layers = [nn.ReflectionPad2d(3), *down, *(Residual(split) for _ in range(blocks)), nn.Identity(), *up]
        self.model = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(c[0], 3, 7), nn.Sigmoid())

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        x = self.model[0](torch.cat((image * (1 - mask), mask), dim=1)), None
        for layer in self.model[1 : self.exchanges]:
            x = layer(x)
        return self.model[self.exchanges :](torch.cat(x, dim=1))


class Nested(nn.Module):
    """A block of pix2pix's U-Net: `channels` from the outermost in, `blocks` of them with another one inside."""

    def __init__(self, inputs: int, outputs: int, channels: list[int], outermost: bool = True) -> None:
        super().__init__()
        inner, innermost = channels[0], len(channels) == 1
        halving = nn.Conv2d(inputs, inner, 4, 2, 1, bias=False)
        doubling = nn.ConvTranspose2d(inner if innermost else 2 * inner, outputs, 4, 2, 1, bias=outermost)
        inside = [] if innermost else [Nested(inner, inner, channels[1:], outermost=False)]
        if outermost:
            layers = [halving, *inside, nn.ReLU(), doubling, nn.Tanh()]
        else:
            normalized = [] if innermost else [nn.BatchNorm2d(inner)]
            layers = [nn.LeakyReLU(0.2), halving, *normalized, *inside, nn.ReLU(), doubling, nn.BatchNorm2d(outputs)]
        self.model, self.outermost = nn.Sequential(*layers), outermost

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x) if self.outermost else torch.cat((x, self.model(x)), dim=1)


class ReleasedUNet(nn.Module):
    def __init__(self, depth: int, width: float) -> None:
        super().__init__()
        self.model = Nested(3, 3, [round(64 * min(2**level, 8) * width) for level in range(depth)])

    def forward(self, image: Tensor) -> Tensor:
        return (self.model(image * 2 - 1) + 1) / 2


DIV2K = (0.4488, 0.4371, 0.4040)


def square(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


class Plain(nn.Module):
    """A block of `body`."""

    def __init__(self, channels: int, share: float = 1.0) -> None:
        super().__init__()
        self.conv1, self.conv2, self.share = square(channels, channels), square(channels, channels), share

    def forward(self, x: Tensor) -> Tensor:
        return x + self.share * self.conv2(self.conv1(x).relu())


class ReleasedMSRResNet(nn.Module):
    def __init__(self, scale: int, channels: int, blocks: int) -> None:
        super().__init__()
        self.conv_first = square(3, channels)
        self.body = nn.Sequential(*(Plain(channels) for _ in range(blocks)))
        self.factors = (2, 2) if scale == 4 else (scale,)
        for number, factor in enumerate(self.factors, start=1):
            self.add_module(f"upconv{number}", square(channels, factor**2 * channels))
        self.conv_hr, self.conv_last = square(channels, channels), square(channels, 3)

    def forward(self, image: Tensor) -> Tensor:
        x = self.body(leaky(self.conv_first(image)))
        for number, factor in enumerate(self.factors, start=1):
            x = leaky(F.pixel_shuffle(self.get_submodule(f"upconv{number}")(x), factor))
        beside = F.interpolate(image, size=x.shape[-2:], mode="bilinear")
        return beside + self.conv_last(leaky(self.conv_hr(x)))


def leaky(x: Tensor) -> Tensor:
    return x.maximum(0.1 * x)


class ReleasedEDSR(nn.Module):
    """Values of pictures are up to 255 inside."""

    def __init__(self, scale: int, channels: int, blocks: int, share: float) -> None:
        super().__init__()
        self.conv_first = square(3, channels)
        self.body = nn.Sequential(*(Plain(channels, share) for _ in range(blocks)))
        self.conv_after_body = square(channels, channels)
        factors = {2: (2,), 3: (3,), 4: (2, 2), 8: (2, 2, 2)}[scale]
        shuffles = ((square(channels, factor**2 * channels), nn.PixelShuffle(factor)) for factor in factors)
        self.upsample = nn.Sequential(*(layer for both in shuffles for layer in both))
        self.conv_last = square(channels, 3)

    def forward(self, image: Tensor) -> Tensor:
        mean = torch.tensor(DIV2K).view(1, 3, 1, 1)
        first = self.conv_first(255 * (image - mean))
        return self.conv_last(self.upsample(first + self.conv_after_body(self.body(first)))) / 255 + mean


def settled(network: nn.Module) -> nn.Module:
    """Give batch normalization other statistics than it starts with."""
    torch.manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean, 0.0, 0.3)
            nn.init.uniform_(layer.running_var, 0.5, 2.0)
            nn.init.normal_(layer.weight, 1.0, 0.3)
            nn.init.normal_(layer.bias, 0.0, 0.3)
    return network.eval()


def lamas() -> tuple[nn.Module, nn.Module, tuple[Tensor, ...]]:
    inputs = torch.rand(2, 3, 24, 40), (torch.rand(2, 1, 24, 40) > 0.7).float()
    return settled(ReleasedLaMa(2, 0.125)), LaMa(2, 0.125).eval(), inputs


def unets() -> tuple[nn.Module, nn.Module, tuple[Tensor, ...]]:
    return settled(ReleasedUNet(6, 0.125)), UNet(side=64, width=0.125).eval(), (torch.rand(2, 3, 64, 128),)


def msrresnets(scale: int = 4) -> tuple[nn.Module, nn.Module, tuple[Tensor, ...]]:
    torch.manual_seed(0)
    return ReleasedMSRResNet(scale, 8, 2), MSRResNet(scale, 2, 0.125), (torch.rand(2, 3, 9, 12),)


def edsrs(scale: int = 4) -> tuple[nn.Module, nn.Module, tuple[Tensor, ...]]:
    torch.manual_seed(0)
    released, network = ReleasedEDSR(scale, 8, 2, 0.1), EDSR(scale, DIV2K, 8, 2, 0.1)
    with torch.no_grad():
        for name, value in released.named_parameters():
            # Of 255, so that they count.
            value.mul_(30.0 if name.endswith("bias") else 1.0)
    return released, network, (torch.rand(2, 3, 9, 12),)


EVERY = pytest.mark.parametrize("pair", [lamas, unets, msrresnets, edsrs])
Pair = Callable[[], tuple[nn.Module, nn.Module, tuple[Tensor, ...]]]


def test_names_and_numbers_are_the_published_ones() -> None:
    with torch.device("meta"):
        lama, unet = ReleasedLaMa(18, 1).state_dict(), ReleasedUNet(8, 1).state_dict()
        own = LaMa(18), UNet()
    assert lama["model.1.ffc.convl2l.weight"].shape == (64, 4, 7, 7)
    assert lama["model.22.conv2.ffc.convg2g.fu.conv_layer.weight"].shape == (384, 384, 1, 1)
    assert lama["model.34.weight"].shape == (3, 64, 7, 7)
    assert unet["model.model.0.weight"].shape == (64, 3, 4, 4)
    assert unet["model.model.1.model.3.model.3.model.3.model.3.model.3.model.3.model.1.weight"].shape == (
        512,
        512,
        4,
        4,
    )
    assert unet["model.model.3.bias"].shape == (3,)
    for theirs, network in zip((lama, unet), own, strict=True):
        counted = sum(value.numel() for name, value in theirs.items() if "running" not in name and "num_" not in name)
        assert counted == {True: 50_975_875, False: 54_413_955}[network is own[0]]


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_names_and_numbers_of_super_resolution_are_the_published_ones(scale: int) -> None:
    with torch.device("meta"):
        msrresnet, edsr = ReleasedMSRResNet(scale, 64, 16).state_dict(), ReleasedEDSR(scale, 256, 32, 0.1).state_dict()
    assert msrresnet["body.15.conv2.weight"].shape == (64, 64, 3, 3)
    assert msrresnet["upconv1.weight"].shape == (64 * (9 if scale == 3 else 4), 64, 3, 3)
    assert ("upconv2.weight" in msrresnet) == ("upsample.2.weight" in edsr) == (scale == 4)
    assert edsr["upsample.0.bias"].shape == (256 * (9 if scale == 3 else 4),)
    counts = [sum(value.numel() for value in weights.values()) for weights in (msrresnet, edsr)]
    # Their papers count no network of scale 3.
    if scale != 3:
        assert counts == {2: [1_369_859, 40_729_603], 4: [1_517_571, 43_089_923]}[scale]


@pytest.mark.parametrize("pair", [msrresnets, edsrs])
@pytest.mark.parametrize("scale", [2, 3])
@pytest.mark.parametrize("wrapping", ["params", "params_ema"])
def test_basicsr_s_files_of_other_scales_load(
    pair: Callable[[int], Any], scale: int, wrapping: str, tmp_path: Path
) -> None:
    released, network, inputs = pair(scale)
    path = tmp_path / "x.pth"
    torch.save({wrapping: released.state_dict()}, path)
    checkpoint.load_weights(network, first_weights.generator(first_weights.read(path), network, path), path)
    with torch.no_grad():
        assert torch.allclose(network(*inputs)["raw"], released(*inputs), rtol=0, atol=2e-6)


def test_networks_of_super_resolution_are_told_apart() -> None:
    path = Path("x.pth")
    with pytest.raises(UserError, match=r"it lacks conv_after_body.weight"):
        first_weights.generator({"state_dict": msrresnets()[0].state_dict()}, edsrs()[1], path)
    with pytest.raises(UserError, match=r"it lacks upconv1.weight"):
        first_weights.generator({"state_dict": edsrs()[0].state_dict()}, msrresnets()[1], path)
    nearest = MSRResNet(4, 2, 0.125, upsampling="nearest")
    found = first_weights.generator({"state_dict": msrresnets()[0].state_dict()}, nearest, path)
    with pytest.raises(UserError, match=r"is \(32, 8, 3, 3\) there and \(8, 8, 3, 3\) here"):
        checkpoint.load_weights(nearest, found, path)


@EVERY
@pytest.mark.parametrize("begin", ["", "generator.", "module.netG."])
def test_published_weights_give_the_published_pictures(pair: Pair, begin: str, tmp_path: Path) -> None:
    released, network, inputs = pair()
    other = {"discriminator.model.0.weight": torch.ones(3), "steps": torch.zeros(())} if begin else {}
    torch.save({f"{begin}{name}": value for name, value in released.state_dict().items()} | other, tmp_path / "x.pth")
    path = tmp_path / "x.pth"
    checkpoint.load_weights(network, first_weights.generator(first_weights.read(path), network, path), path)
    with torch.no_grad():
        assert torch.allclose(network(*inputs)["raw"], released(*inputs), rtol=0, atol=2e-6)


@EVERY
def test_files_of_every_kind_hold_the_same(pair: Pair, tmp_path: Path) -> None:
    released, network, _ = pair()
    weights = released.state_dict()
    half = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
    paths = {name: tmp_path / name for name in ("zip.pth", "old.pth", "x.safetensors", "wrapped.ckpt", "half.pth")}
    torch.save(weights, paths["zip.pth"])
    torch.save(weights, paths["old.pth"], _use_new_zipfile_serialization=False)
    safetensors.torch.save_file({name: value.contiguous() for name, value in weights.items()}, paths["x.safetensors"])
    torch.save({"state_dict": weights, "epoch": 3, "callbacks": {}}, paths["wrapped.ckpt"])
    torch.save(half, paths["half.pth"])
    found = {name: first_weights.generator(first_weights.read(path), network, path) for name, path in paths.items()}
    for name, own in network.state_dict().items():
        assert all(one[name].shape == own.shape and one[name].dtype == own.dtype for one in found.values())
        assert all(torch.equal(found["zip.pth"][name], one[name]) for kind, one in found.items() if kind != "half.pth")
        assert torch.allclose(found["zip.pth"][name], found["half.pth"][name], atol=1e-3, rtol=1e-3)
    assert checkpoint.hash_weights(first_weights.read(paths["zip.pth"])) == checkpoint.hash_weights(
        first_weights.read(paths["wrapped.ckpt"])
    )


@EVERY
def test_files_of_before_batches_were_counted_load_too(pair: Pair, tmp_path: Path) -> None:
    released, network, _ = pair()
    weights = {name: value for name, value in released.state_dict().items() if "num_batches" not in name}
    found = translated(weights, network)  # type: ignore[arg-type]
    assert found is not None and found.keys() == network.state_dict().keys()


@EVERY
def test_what_does_not_fit_is_told(pair: Pair, tmp_path: Path) -> None:
    released, network, _ = pair()
    weights = released.state_dict()
    path = tmp_path / "x.pth"
    for name in list(weights)[1:4:2]:
        with pytest.raises(UserError, match=f"x.pth is of another architecture: it lacks {name}"):
            lacking = {own: value for own, value in weights.items() if own != name}
            first_weights.generator({"state_dict": lacking}, network, path)
    with pytest.raises(UserError, match="of another architecture: it also has model.99.weight"):
        first_weights.generator({"state_dict": {**weights, "model.99.weight": torch.ones(1)}}, network, path)


def test_deeper_and_wider_networks_are_others(tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    with pytest.raises(UserError, match="it lacks model.8.weight"):
        first_weights.generator({"state_dict": ReleasedLaMa(3, 0.125).state_dict()}, LaMa(2, 0.125), path)
    wide = first_weights.generator({"state_dict": ReleasedLaMa(2, 0.25).state_dict()}, LaMa(2, 0.125), path)
    with pytest.raises(UserError, match=r"is \(16, 4, 7, 7\) there and \(8, 4, 7, 7\) here"):
        checkpoint.load_weights(LaMa(2, 0.125), wide, path)


def test_spandrel_s_lama_is_the_same() -> None:
    pytest.importorskip("spandrel")
    from spandrel.architectures.LaMa import LaMa as Spandrels

    torch.manual_seed(0)
    theirs, network = settled(Spandrels(in_nc=4, out_nc=3)), LaMa(18).eval()
    found = translated(theirs.state_dict(), network)
    assert found is not None
    checkpoint.load_weights(network, found, Path("x.pth"))
    image, mask = torch.rand(1, 3, 32, 40), torch.zeros(1, 1, 32, 40)
    mask[..., 8:20, 10:25] = 1
    with torch.no_grad():
        made, expected = network(image, mask)["raw"], theirs(image, mask)
    # Its answer is put back into the picture.
    assert torch.allclose((made * mask + image * (1 - mask)), expected * mask + image * (1 - mask), rtol=0, atol=1e-5)


REFUSED = {
    "empty.pth": (b"", "it is empty"),
    "pointer.pth": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n", "is a pointer of Git LFS"),
    "pointer.safetensors": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a pointer of Git LFS"),
    "text.pth": (b"<!DOCTYPE html><html>404</html>", "text.pth"),
    "half.safetensors": (b"\x40\0\0\0\0\0\0\0{", "is damaged"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_files_that_hold_no_weights_are_called_what_they_are(name: str, tmp_path: Path) -> None:
    content, told = REFUSED[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=told) as caught:
        first_weights.read(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_what_is_no_mapping_of_tensors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    for content, told in (
        ({"epoch": 3}, "has no state_dict and no named tensors"),
        ([torch.ones(2)], "does not hold named tensors"),
        ({"state_dict": {"a": 3}}, "has no state_dict and no named tensors"),
        ({"network": nn.Linear(1, 1)}, "loading it could run code.*save its state_dict"),
    ):
        torch.save(content, path)
        with pytest.raises(UserError, match=told):
            first_weights.read(path)


@pytest.mark.parametrize("verb", ["predict", "train"])
def test_published_weights_are_applied_and_trained_on(
    verb: str, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(settled(ReleasedLaMa(9, 0.125)).state_dict(), tmp_path / "lama.pth")
    words = ["experiment=lama", "scale=smoke", "generator.width=0.125", f"init={tmp_path / 'lama.pth'}"]
    if verb == "train":
        words += [
            "data=image_folder",
            f"data.path={pictures}",
            "loss=[mse]",
            "schedule=single",
            "schedule.joint.iterations=2",
            "metric=[mse]",
        ]
        words += [f"paths.runs={tmp_path / 'runs'}", "evaluation.split=null", "logger=none"]
        assert execute("train", words).code == 0
        assert "starts from the weights of" in capsys.readouterr().err
        return
    picture, mask = np.full((32, 48, 3), 90, np.uint8), np.zeros((32, 48), np.uint8)
    mask[8:20, 10:30] = 255
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    cv2.imwrite(str(tmp_path / "a_mask.png"), mask)
    words += [f"input={tmp_path / 'a.png'}", f"output={tmp_path / 'out'}"]
    assert execute("predict", words).code == 0
    made = cv2.imread(str(tmp_path / "out" / "a.png"))
    assert made is not None and (made[mask == 0] == 90).all() and (made[mask > 0] != 90).any()
    assert execute("predict", [*words, "experiment=glcic"]).code == 2
    assert "for weights that a network's authors have published" in capsys.readouterr().err


def test_esrgan_s_names_are_rrdbnet_s_own(tmp_path: Path) -> None:
    torch.manual_seed(0)
    released, network = RRDBNet(4, 2, 0.125), RRDBNet(4, 2, 0.125)
    state = {f"generator.{name}": value for name, value in released.state_dict().items()}
    found = first_weights.generator({"state_dict": state}, network, tmp_path / "x.pth")
    assert found.keys() == network.state_dict().keys()
    assert all(torch.equal(found[name], value) for name, value in released.state_dict().items())


@pytest.mark.parametrize(
    ("recipe", "released"),
    [
        ("experiment=esrgan", lambda: RRDBNet(4)),
        ("experiment=srresnet generator.skip=bilinear", lambda: ReleasedMSRResNet(4, 64, 16)),
        ("experiment=edsr", lambda: ReleasedEDSR(4, 64, 16, 1.0)),
    ],
)
def test_published_super_resolution_is_applied(recipe: str, released: Callable[[], nn.Module], tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = released()
    torch.save({"params": network.state_dict()}, tmp_path / "x.pth")
    small = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), small[..., ::-1])
    words = [*recipe.split(), "scale=paper", f"init={tmp_path / 'x.pth'}", f"input={tmp_path / 'a.png'}"]
    assert execute("predict", [*words, f"output={tmp_path / 'out'}", "trainer.accelerator=cpu"]).code == 0
    made = cv2.imread(str(tmp_path / "out" / "a.png"))
    with torch.no_grad():
        answer = network(torch.from_numpy(small).permute(2, 0, 1)[None] / 255)
    # That of ESRGAN is this project's, whose names and arithmetic are compared with a real file elsewhere.
    expected = 255 * (answer["raw"] if isinstance(answer, dict) else answer).clamp(0, 1)[0]
    assert made is not None and made.shape == (36, 48, 3) and np.ptp(made) > 20
    # Rounded to 8 bits.
    assert np.abs(made[..., ::-1] - expected.permute(1, 2, 0).numpy()).max() < 0.51
