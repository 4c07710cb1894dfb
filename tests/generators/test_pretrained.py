"""Published networks as generators: told by their weights, scored as they are, trained on, refused in one line."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import spandrel
import tiny_network
import torch
from omegaconf import DictConfig
from published import published
from safetensors.torch import save_file
from torch import Tensor, nn

from henkan.errors import MissingWeights, UserError
from henkan.generators.pretrained import Pretrained
from henkan.launching.execute import execute
from henkan.runs.plan import plan_run
from henkan.training.assemble import build_translator

Compose = Callable[..., DictConfig]
# ESRGAN's first names -> those that Real-ESRGAN was released with, for two blocks and one doubling.
RENAMED = (
    (r"^model\.0\.", "conv_first."),
    (r"^model\.1\.sub\.2\.", "conv_body."),
    (r"^model\.1\.sub\.(\d)\.RDB(\d)\.conv(\d)\.0\.", r"body.\1.rdb\2.conv\3."),
    (r"^model\.3\.", "conv_up1."),
    (r"^model\.5\.", "conv_hr."),
    (r"^model\.7\.", "conv_last."),
)


@pytest.fixture(scope="module")
def esrgan() -> nn.Module:
    """An ESRGAN of two blocks that doubles the sides, with random weights."""
    return tiny_network.esrgan(2).eval()


def as_released(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights under the names that Real-ESRGAN was released with."""
    found = {}
    for name, value in state.items():
        for pattern, new in RENAMED:
            name = re.sub(pattern, new, name)
        found[name] = value
    return found


@pytest.fixture(scope="module")
def file(esrgan: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "tiny_x2.pth"
    torch.save({"params_ema": as_released(esrgan.state_dict())}, path)
    return path


def picture(height: int = 10, width: int = 12) -> Tensor:
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(1))


def test_it_is_the_published_network_however_it_is_kept(esrgan: nn.Module, file: Path, tmp_path: Path) -> None:
    with torch.no_grad():
        wanted = esrgan(picture())
    plain, half = tmp_path / "old.safetensors", tmp_path / "no_ending"
    save_file(esrgan.state_dict(), plain)
    save_file({name: value.half() for name, value in as_released(esrgan.state_dict()).items()}, half)
    for path in (file, plain, half):
        network = Pretrained(str(path)).eval()
        assert (network.scale, network.channels, network.multiple, network.fills) == (2, 3, 1, False)
        assert {value.dtype for value in network.state_dict().values()} == {torch.float32}
        with torch.no_grad():
            raw = network(picture())["raw"]
        torch.testing.assert_close(raw, wanted, atol=2e-3 if path == half else 1e-6, rtol=0)


def test_pictures_smaller_than_it_takes_are_padded_and_cut_back(file: Path) -> None:
    network = Pretrained(str(file))
    assert network(picture(1, 3))["raw"].shape == (2, 3, 2, 6)


def test_its_weights_learn_unless_they_are_frozen(file: Path) -> None:
    network, image = Pretrained(str(file)), picture().requires_grad_()
    network(image)["raw"].sum().backward()
    assert all(value.grad is not None and value.grad.isfinite().all() for value in network.parameters())
    assert image.grad is not None and image.grad.any()
    assert not any(value.requires_grad for value in Pretrained(str(file), frozen=True).parameters())


def test_one_that_fills_holes_is_given_the_mask(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    descriptor = SimpleNamespace(
        model=nn.Conv2d(4, 3, 1),
        architecture=SimpleNamespace(name="LaMa"),
        purpose="Inpainting",
        tags=[],
        scale=1,
        input_channels=3,
        size_requirements=spandrel.SizeRequirements(minimum=16, multiple_of=8),
        _call_fn=lambda model, image, mask: model(torch.cat((image, mask), dim=1)),
    )
    monkeypatch.setattr(spandrel.ModelLoader, "load_from_state_dict", lambda *_: descriptor)
    network = Pretrained(str(file))
    mask = (picture()[:, :1] > 0.5).float()
    assert network.multiple == 8
    wanted = descriptor.model(torch.cat((picture(), mask), dim=1))
    torch.testing.assert_close(network(picture(), mask)["raw"], wanted)
    with pytest.raises(UserError, match=r"^LaMa \(Inpainting\) fills holes, and there is no mask: choose task=comp"):
        network(picture())


def test_what_is_no_network_is_told_in_one_line(esrgan: nn.Module, file: Path, tmp_path: Path) -> None:
    state = as_released(esrgan.state_dict())
    cases: dict[str, tuple[object, str]] = {
        "unknown.pth": ({"a": torch.zeros(2)}, r"is no network that spandrel [\d.]+ knows"),
        "lacks.pth": (
            {key: state[key] for key in state if key != "conv_last.bias"},
            "is no whole network .*model.7.bias",
        ),
        "nested.pth": ({**state, "more": {"a": torch.zeros(1)}}, "does not hold named tensors"),
        "list.pth": ([torch.zeros(1)], "does not hold named tensors"),
    }
    for name, (content, told) in cases.items():
        torch.save(content, tmp_path / name)
        with pytest.raises(
            UserError, match=rf"{name} {told}.*: name another file with generator.weights=FILE"
        ) as error:
            Pretrained(str(tmp_path / name))
        assert "\n" not in str(error.value)
    cut = tmp_path / "cut.pth"
    cut.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"cut\.pth is damaged"):
        Pretrained(str(cut))
    torch.jit.save(torch.jit.script(nn.ReLU()), tmp_path / "code.pt")
    with pytest.raises(UserError, match=r"code\.pt is TorchScript, which is code"):
        Pretrained(str(tmp_path / "code.pt"))
    with pytest.raises(UserError, match="takes pictures of 3 channels, and is shown 1"):
        Pretrained(str(file))(picture()[:, :1])


def test_absent_files_and_an_absent_package_are_told(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HENKAN_WEIGHTS", str(file.parent))
    assert Pretrained(file.name).scale == 2
    with pytest.raises(MissingWeights, match=r"^none\.pth is missing: .*/none\.pth is no file, and .* of this name"):
        Pretrained(str(tmp_path / "none.pth"))
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(UserError, match=r"needs the package spandrel: pip install 'henkan\[pretrained\]'"):
        Pretrained(str(file))


@pytest.fixture
def enlarging(pictures: Path, tmp_path: Path, file: Path) -> list[str]:
    """Overrides of super-resolution with the tiny network, on the shapes."""
    return [
        *("task=super_resolution", "degradation=bicubic", "degradation.scale=2", "scale=smoke", "data=image_folder"),
        *("generator=pretrained", f"generator.weights={file}", f"data.path={pictures}", "metric=[psnr]", "loss=[mse]"),
        *(f"paths.runs={tmp_path / 'runs'}", f"paths.cache={tmp_path / 'cache'}", "logger=none", "trainer.threads=1"),
    ]


def test_a_run_is_known_by_what_is_in_the_file(
    composed: Compose, enlarging: list[str], esrgan: nn.Module, file: Path, tmp_path: Path
) -> None:
    copy, other = tmp_path / "copy.pth", tmp_path / "other.pth"
    copy.write_bytes(file.read_bytes())
    torch.save(esrgan.state_dict(), other)
    for words in ([], ["generator.frozen=true"]):
        plans = [plan_run(composed([*enlarging, *words, f"generator.weights={path}"])) for path in (file, copy, other)]
        assert plans[0].identity == plans[1].identity != plans[2].identity
        assert [plan.trains for plan in plans] == [not words] * 3


def test_training_starts_from_the_weights(composed: Compose, enlarging: list[str], esrgan: nn.Module) -> None:
    translator = build_translator(plan_run(composed(enlarging)))
    network = translator.updater.networks["generator"]
    assert torch.equal(network.network.state_dict()["model.0.weight"], esrgan.state_dict()["model.0.weight"])


def test_it_is_scored_trained_and_applied(
    enlarging: list[str], pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute("evaluate", enlarging).code == 0
    scored = Path(capsys.readouterr().out.splitlines()[-1])
    assert (scored / "scores.csv").is_file() and not (scored / "checkpoints").exists()
    assert execute("train", [*enlarging, "schedule.joint.iterations=2"]).code == 0
    trained = Path(capsys.readouterr().out.splitlines()[-1])
    assert trained != scored and (trained / "checkpoints" / "last.ckpt").is_file()
    one = f"input={pictures / 'test' / '000.png'}"
    for words in (enlarging, [f"run={trained}"]):
        output = tmp_path / f"out{len(words)}"
        assert execute("predict", [*words, one, f"output={output}"]).code == 0
        assert [path.name for path in output.iterdir()] == ["000.png"]
    wrong = execute("evaluate", [*enlarging, "degradation.scale=4"])
    assert wrong.code == 2 and "makes pictures 2 times larger" in str(wrong.error)


def test_the_released_real_esrgan_loads() -> None:
    network = Pretrained(str(published("realesrgan_x4plus.safetensors"))).eval()
    assert sum(value.numel() for value in network.parameters()) == 16_697_987
    assert network.name == "ESRGAN (SR, 64nf, 23nb)" and network.scale == 4
    # It keeps a plain picture plain, in its color; at the edges it sees zeros.
    color = torch.tensor([0.8, 0.4, 0.2]).view(1, 3, 1, 1)
    with torch.no_grad():
        raw = network(color.expand(1, 3, 8, 8))["raw"]
    inner = raw[..., 4:-4, 4:-4]
    torch.testing.assert_close(inner, color.expand_as(inner), atol=0.03, rtol=0)
