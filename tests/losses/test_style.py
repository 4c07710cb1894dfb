"""Gram matrices and their distance: closed forms, both normalizations, what they do not see, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest
import torch
from published import published
from tiny_features import TinyFeatures
from torch import Tensor, nn
from torch.nn import functional

from henkan.errors import UserError
from henkan.losses.half_squares import HalfSquares
from henkan.losses.mse import MSE
from henkan.losses.perceptual import Perceptual
from henkan.losses.style import Style
from henkan.pretrained.features import VGG19, Features, Lite0, VGG16Oxford
from henkan.pretrained.gram import gram


class Pixelwise(nn.Module):
    """A stand-in for a frozen network: `pixels` is the picture, `mixed` four mixtures of its channels."""

    def __init__(self, layers: Sequence[str]) -> None:
        super().__init__()
        self.layers = list(layers)
        self.mixtures = torch.tensor([[1.0, 0.5, 0.0], [0.0, 1.0, -1.0], [0.2, 0.2, 0.2], [-1.0, 2.0, 0.3]])

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        mixed = torch.einsum("nc,bchw->bnhw", self.mixtures.to(images), images).relu()
        return {name: {"pixels": images, "mixed": mixed}[name] for name in self.layers}


def test_gram_of_ones() -> None:
    torch.testing.assert_close(gram(torch.ones(2, 5, 3, 4)), torch.full((2, 5, 5), 1 / 5))


def test_gram_is_in_full_precision() -> None:
    features = torch.rand(1, 4, 8, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = gram(features)
    assert torch.equal(inside, gram(features)) and gram(features.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize("same_size", [True, False])
def test_the_two_normalizations(same_size: bool) -> None:
    torch.manual_seed(0)
    input, style = torch.rand(2, 3, 6, 8), torch.rand(2, 3, 6, 8 if same_size else 5)
    ours, theirs = (images.flatten(2) @ images.flatten(2).mT for images in (input, style))
    count, positions = 3, 48
    if same_size:  # the paper's own words: 1 / (4 N² M²) Σ (G - A)²
        expected = (ours - theirs).square().sum((1, 2)) / (4 * count**2 * positions**2)
        torch.testing.assert_close(Style(Pixelwise, {"pixels": 1.0}, "paper")(input, style), expected)
    # neural-style's: both Gram matrices over their number of elements, and a mean of squares.
    scaled = ours / (count * positions) - theirs / (count * style[0, 0].numel())
    elements = Style(Pixelwise, {"pixels": 1.0}, "elements")(input, style)
    torch.testing.assert_close(elements, scaled.square().mean((1, 2)))
    paper = Style(Pixelwise, {"pixels": 1.0}, "paper")(input, style)
    torch.testing.assert_close(paper, elements * count**2 / 4)


def test_a_layer_s_weight_multiplies_its_distance_not_its_features() -> None:
    torch.manual_seed(0)
    input, style = torch.rand(1, 3, 6, 8), torch.rand(1, 3, 6, 8)
    one, other = (Style(Pixelwise, {name: 1.0})(input, style) for name in ("pixels", "mixed"))
    both = Style(Pixelwise, {"pixels": 0.2, "mixed": 3.0})(input, style)
    torch.testing.assert_close(both, 0.2 * one + 3.0 * other)


@pytest.mark.parametrize("normalization", ["paper", "elements"])
def test_no_loss_at_the_picture_itself(normalization: str) -> None:
    torch.manual_seed(0)
    picture = torch.rand(1, 3, 16, 16)
    layers = {"relu1": 1.0, "relu3": 0.5}
    assert Style(TinyFeatures, layers, normalization)(picture.clone(), picture).item() == 0.0  # type: ignore[arg-type]
    for distance in (HalfSquares(), MSE()):
        assert Perceptual(TinyFeatures, layers, distance)(picture.clone(), picture).item() == 0.0


def test_where_something_is_does_not_matter() -> None:
    torch.manual_seed(0)
    input, style = torch.rand(1, 3, 6, 8), torch.rand(1, 3, 6, 8)
    shuffled = input.flatten(2)[..., torch.randperm(48)].view_as(input)
    term = Style(Pixelwise, {"mixed": 1.0})
    torch.testing.assert_close(term(shuffled, style), term(input, style))
    assert Perceptual(Pixelwise, {"mixed": 1.0})(shuffled, input) > 0.01


def test_gradient_reaches_the_input_only() -> None:
    torch.manual_seed(0)
    input, style = (torch.rand(1, 3, 4, 4, dtype=torch.float64).requires_grad_() for _ in range(2))
    term = Style(Pixelwise, {"pixels": 1.0, "mixed": 1.0})
    assert torch.autograd.gradcheck(lambda x: term(x, style), input)
    term(input, style).sum().backward()
    assert input.grad is not None and input.grad.any() and style.grad is None


def test_content_in_the_papers_form() -> None:
    input, target = torch.zeros(2, 3, 2, 2), torch.zeros(2, 3, 2, 2)
    input[1, :, 0] = 0.5  # 6 values
    torch.testing.assert_close(HalfSquares()(input, target), torch.tensor([0.0, 0.5 * 6 * 0.25]))
    with pytest.raises(UserError, match="one shape"):
        HalfSquares()(input, target[:1])


@pytest.mark.parametrize(("build", "layer", "side"), [(TinyFeatures, "relu3", 4), (Lite0, "stage4", 16)])
def test_a_style_picture_must_be_one_pixel_of_the_deepest_layer(build: type[Features], layer: str, side: int) -> None:
    term = Style(build, {layer: 1.0})
    input = torch.rand(1, 3, 32, 32)
    assert term(input, torch.rand(1, 3, side, 40)).isfinite().all()
    with pytest.raises(UserError, match=rf"has 40x{side - 1} pixels, .* one of {side}x{side}: give a larger picture"):
        term(input, torch.rand(1, 3, side - 1, 40))


def test_a_vector_has_no_gram_matrix() -> None:
    with pytest.raises(UserError, match="style: layer pooled is a vector, not a map"):
        Style(Lite0, {"pooled": 1.0})(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32))


def test_layers_must_be_named_though_another_term_looks_already() -> None:
    other = Style(TinyFeatures, {"relu1": 1.0})
    with pytest.raises(UserError, match="names no layer"):
        Style(TinyFeatures, {})
    assert other.layers


def test_refuses_another_normalization() -> None:
    with pytest.raises(UserError, match="paper or elements"):
        Style(TinyFeatures, {"relu1": 1.0}, "sum")  # type: ignore[arg-type]


def test_the_style_picture_is_looked_at_once() -> None:
    seen: list[int] = []

    class Counting(Pixelwise):
        def forward(self, images: Tensor) -> dict[str, Tensor]:
            seen.append(len(images))
            return super().forward(images)

    term, style = Style(Counting, {"pixels": 1.0}), torch.rand(2, 3, 4, 4)
    values = [term(torch.rand(1, 3, 4, 4), style.clone()) for _ in range(3)]
    assert seen == [2, 1, 1, 1]
    other = term(torch.rand(1, 3, 4, 4), 1 - style)
    assert seen == [2, 1, 1, 1, 2, 1] and len(values[0]) == len(other) == 2


def test_vgg19_s_sides_at_512_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models import vgg19

    with torch.device("meta"):
        weights = vgg19(weights=None, init_weights=False).state_dict()
    monkeypatch.setattr("henkan.pretrained.weights.load", lambda url: weights)
    layers = [f"conv{block}_1" for block in range(1, 6)]
    seen = VGG19(layers).to("meta")(torch.empty(1, 3, 512, 512, device="meta"))
    shapes = [(64, 512, 512), (128, 256, 256), (256, 128, 128), (512, 64, 64), (512, 32, 32)]
    assert [tuple(seen[layer].shape[1:]) for layer in layers] == shapes


def test_the_style_of_a_picture_is_nearer_to_its_mirror_image_than_to_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HENKAN_WEIGHTS", str(published("vgg16_oxford.safetensors").parent))
    torch.manual_seed(0)
    noise = torch.rand(1, 3, 64, 64)
    stripes = (torch.arange(64) // 4 % 2).float().expand(1, 3, 64, 64)
    stripes = 0.8 * stripes + 0.1 * functional.avg_pool2d(noise, 3, 1, 1)
    term = Style(partial(VGG16Oxford, pooling="average"), {"relu1_1": 1.0, "relu3_1": 1.0})
    mirrored, other = term(stripes.flip(-1), stripes), term(noise, stripes)
    assert 0 <= mirrored < 0.1 * other
    assert term.features.stride() == 4
