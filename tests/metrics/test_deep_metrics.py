"""Metrics over frozen networks: Lite0 distance, KID over Lite0, and LPIPS as far as it goes offline."""

import math
from collections.abc import Iterator
from pathlib import Path

import lpips
import pytest
import skimage.data
import torch
from published import published
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics.image.kid import KernelInceptionDistance, poly_kernel
from torchvision.models import alexnet
from torchvision.models import vgg16 as vgg16_network
from torchvision.transforms.functional import gaussian_blur

from henkan.errors import MissingWeights, UserError
from henkan.metrics import lite0, lpips_alex, vgg16
from henkan.metrics.lite0 import KIDLite0, Lite0Distance, Lite0Style
from henkan.metrics.lpips_alex import LPIPSAlex
from henkan.metrics.vgg16 import VGG16Distance
from henkan.pretrained import weights


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    """Twenty-four crops of photographs, 32 px."""
    crops = [
        torch.from_numpy(photograph[y : y + 32, x : x + 32].copy()).permute(2, 0, 1)
        for photograph in (skimage.data.chelsea(), skimage.data.coffee(), skimage.data.astronaut())
        for y in (40, 110)
        for x in (60, 130, 200, 270)
    ]
    return torch.stack(crops) / 255


def blurred(pictures: Tensor, sigma: float) -> Tensor:
    return gaussian_blur(pictures, [15, 15], [sigma, sigma])


def kid(output: Tensor, target: Tensor, batch: int = 24) -> float:
    metric = KIDLite0(minimum=2)
    for ours, theirs in zip(output.split(batch), target.split(batch), strict=True):
        metric.update(output=ours, target=theirs)
    return metric.compute()


def test_distance_is_0_for_the_same_and_grows_with_blur(pictures: Tensor) -> None:
    distance = Lite0Distance()
    assert (distance(pictures, pictures) == 0).all()
    means = [distance(blurred(pictures, sigma), pictures).mean().item() for sigma in (0.5, 1.0, 2.0, 4.0)]
    assert 0 < means[0] < means[1] < means[2] < means[3] < 4


def test_style_is_of_the_whole_picture_and_grows_with_blur(pictures: Tensor) -> None:
    style = Lite0Style()
    assert (style(pictures, pictures) == 0).all()
    same, other = style(pictures.flip(-1), pictures), style(pictures, pictures.roll(1, 0).flip(0))
    means = [style(blurred(pictures, sigma), pictures).mean().item() for sigma in (0.5, 1.0, 2.0)]
    assert 0 < means[0] < means[1] < means[2] < 4
    assert same.mean() < 0.6 * other.mean() and other.shape == (24,)
    assert style(pictures[:1], pictures[:1, :, :24]).shape == (1,)


def test_distance_is_symmetric_and_per_image(pictures: Tensor) -> None:
    distance, other = Lite0Distance(), blurred(pictures, 1.5)
    assert torch.allclose(distance(other, pictures), distance(pictures, other), atol=1e-6)
    alone = torch.cat([distance(a, b) for a, b in zip(other.split(1), pictures.split(1), strict=True)])
    assert alone.shape == (24,)
    assert torch.allclose(distance(other, pictures), alone, atol=1e-5)


def test_distance_notices_a_tensor_that_was_written_to(pictures: Tensor) -> None:
    distance, output = Lite0Distance(), pictures.clone()
    assert (distance(output, pictures) == 0).all()
    output.mul_(0.5)
    assert (distance(output, pictures) > 0).all()


def test_metrics_share_one_pass_over_a_picture(pictures: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    network = lite0._network()
    handle = network.register_forward_hook(lambda *_: passes.append(1))
    output = pictures.clone()
    Lite0Distance()(output, pictures.clone())
    before = len(passes)
    KIDLite0().update(output=output, target=pictures.clone())
    handle.remove()
    assert (before, len(passes)) == (2, 3)


def test_scores_are_the_same_in_inference_mode_and_autocast(pictures: Tensor) -> None:
    output = blurred(pictures, 1.0)
    plain = Lite0Distance()(output, pictures)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(Lite0Distance()(output.clone(), pictures.clone()), plain)


def test_kid_of_the_same_pictures_is_0_and_far_ones_score_more(pictures: Tensor) -> None:
    assert kid(pictures, pictures.clone()) == 0
    near, far = kid(blurred(pictures, 0.5), pictures), kid(blurred(pictures, 2.0), pictures)
    assert 0 < near < far


def test_kid_does_not_depend_on_batches_or_random_state(pictures: Tensor) -> None:
    before = torch.get_rng_state()
    whole = kid(blurred(pictures, 1.0), pictures)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    assert kid(blurred(pictures, 1.0), pictures) == whole
    assert kid(blurred(pictures, 1.0), pictures, batch=5) == pytest.approx(whole, rel=1e-4)


def test_kid_in_blocks_is_kid_at_once() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 1500, 8, generator=generator, dtype=torch.float64)
    metric = KIDLite0()
    metric._outputs, metric._targets = [x], [y + 0.2 * x + 0.1]
    y = y + 0.2 * x + 0.1
    h = poly_kernel(x, x) + poly_kernel(y, y) - poly_kernel(x, y) - poly_kernel(y, x)
    assert metric.compute() == pytest.approx((h.sum() - h.trace()).item() / (1500 * 1499), rel=1e-9)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance`")
def test_kid_is_torchmetrics_less_the_pairs_of_one_picture(pictures: Tensor) -> None:
    output, count = blurred(pictures, 1.0), len(pictures)
    x, y = (lite0._network()(images)["pooled"].double() for images in (output, pictures))
    reference = KernelInceptionDistance(feature=nn.Identity(), subsets=1, subset_size=count)
    reference.update(x, real=False)
    reference.update(y, real=True)
    usual = reference.set_dtype(torch.float64).compute()[0].item()
    cross = poly_kernel(x, y)
    without_pairs = (cross.sum() - cross.trace()) / (count * (count - 1))
    assert kid(output, pictures) == pytest.approx(usual + 2 * (cross.mean() - without_pairs).item(), rel=1e-3)


def test_kid_of_too_few_pictures_is_nan_and_ends_nothing(pictures: Tensor) -> None:
    metric = KIDLite0(minimum=25)
    assert math.isnan(metric.compute())
    metric.update(output=pictures, target=pictures)
    assert math.isnan(metric.compute())
    metric.update(output=pictures, target=pictures)
    assert metric.compute() == 0
    metric.reset()
    assert math.isnan(metric.compute())


@pytest.fixture
def random_trunk(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Tensor]]:
    """Stand a random AlexNet in for the download. What comes out is plumbing, no LPIPS."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state: dict[str, Tensor] = alexnet(weights=None).state_dict()
    monkeypatch.setattr(weights, "load", lambda url: state)
    lpips_alex._network.cache_clear()
    yield state
    lpips_alex._network.cache_clear()


@pytest.mark.filterwarnings("ignore::UserWarning:torchvision")
def test_lpips_is_the_package_with_our_trunk(random_trunk: dict[str, Tensor], pictures: Tensor) -> None:
    before = torch.get_rng_state()
    score = LPIPSAlex()
    assert torch.equal(torch.get_rng_state(), before)
    reference = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    trunk = alexnet(weights=None)
    trunk.load_state_dict(random_trunk)
    for number, cut in enumerate([(0, 2), (2, 5), (5, 8), (8, 10), (10, 12)], start=1):
        setattr(reference.net, f"slice{number}", trunk.features[cut[0] : cut[1]])
    other = blurred(pictures, 1.0)
    with torch.no_grad():
        wanted = reference(2 * other - 1, 2 * pictures - 1).flatten()
    assert (wanted > 0).all()
    assert torch.allclose(score(other, pictures), wanted, atol=1e-7)
    assert (score(pictures, pictures) == 0).all()


def test_lpips_refuses_pictures_that_alexnet_cannot_see(random_trunk: dict[str, Tensor]) -> None:
    assert LPIPSAlex()(torch.zeros(1, 3, 31, 31), torch.zeros(1, 3, 31, 31)).item() == 0
    with pytest.raises(UserError, match="31 pixels at least, not 30"):
        LPIPSAlex()(torch.zeros(1, 3, 30, 40), torch.zeros(1, 3, 30, 40))


def test_lpips_without_its_trunk_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lpips_alex._network.cache_clear()
    monkeypatch.setenv("HENKAN_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(MissingWeights, match=r"alexnet-owt-7be5be79\.pth is missing"):
        LPIPSAlex()


def test_lpips_refuses_a_corrupt_trunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lpips_alex._network.cache_clear()
    monkeypatch.setenv("HENKAN_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    torch.save(alexnet(weights=None).features.state_dict(), tmp_path / "checkpoints" / "alexnet-owt-7be5be79.pth")
    with pytest.raises(UserError, match="damaged"):
        LPIPSAlex()


@pytest.fixture
def random_vgg16(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand random weights in for those of VGG-16."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = vgg16_network(weights=None).state_dict()
    monkeypatch.setattr(weights, "load_known", lambda *_: state)
    vgg16.network.cache_clear()
    yield
    vgg16.network.cache_clear()


@pytest.fixture
def published_vgg16(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take the published weights."""
    monkeypatch.setenv("HENKAN_WEIGHTS", str(published("vgg16_oxford.safetensors").parent))
    vgg16.network.cache_clear()
    yield
    vgg16.network.cache_clear()


@pytest.mark.parametrize("weights_of_it", ["random_vgg16", "published_vgg16"])
def test_vgg16_distance_is_a_distance(pictures: Tensor, weights_of_it: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(weights_of_it)
    some = pictures[:4]
    distance, other = VGG16Distance(), blurred(some, 1.0)
    assert (distance(some, some) == 0).all()
    found = distance(other, some)
    assert found.shape == (len(some),) and (found > 0).all() and (found < 2).all()
    assert torch.allclose(found, distance(some, other), atol=1e-6)
    ours, theirs = (vgg16.network()(images) for images in (other[:1], some[:1]))
    # Unit vectors f and g: ‖f - g‖² = 2 - 2 f·g.
    wanted = torch.stack(
        [2 - 2 * functional.cosine_similarity(ours[layer], theirs[layer]).mean() for layer in vgg16._LAYERS]
    ).mean()
    assert found[0].item() == pytest.approx(wanted.item(), abs=2e-3)
    with pytest.raises(UserError, match="16 pixels at least, not 15"):
        distance(torch.zeros(1, 3, 15, 40), torch.zeros(1, 3, 15, 40))


@pytest.mark.usefixtures("published_vgg16")
def test_vgg16_distance_grows_with_blur(pictures: Tensor) -> None:
    distance, some = VGG16Distance(), pictures[::3]
    means = [distance(blurred(some, sigma), some).mean().item() for sigma in (0.5, 1.0, 2.0, 4.0)]
    assert 0 < means[0] < means[1] < means[2] < means[3]
