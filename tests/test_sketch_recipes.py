"""Sketch simplification: the numbers of both papers on the built recipes (papers, sections 3 and 4)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from torch import nn

from henkan.data.openmoji_lines import OpenMojiLines
from henkan.data.stream import collate
from henkan.discriminators.drawing import DrawingDiscriminator
from henkan.errors import UserError
from henkan.generators.simplification import SimplificationNetwork
from henkan.launching.execute import execute
from henkan.runs.plan import plan_run
from henkan.training.assemble import build_network, build_translator, training_streams
from henkan.training.streams import batch_sizes

Compose = Callable[..., DictConfig]
STATISTICS = ("statistics.mean=[0.9]", "statistics.deviation=0.2")


def resolved(cfg: DictConfig) -> dict[str, Any]:
    config = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(config, dict)
    return {str(key): value for key, value in config.items()}


def parameters(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def test_simplification_states_the_paper(composed: Compose) -> None:
    config = resolved(composed(["experiment=sketch_simplification_2016", "scale=paper", *STATISTICS]))
    assert (config["size"], config["batch_size"]) == (424, 6)
    assert config["schedule"]["joint"]["iterations"] == 600_000
    assert config["optimizer"]["generator"]["_target_"] == "torch.optim.Adadelta"
    with torch.device("meta"):
        assert parameters(build_network(config, "generator")) == 44_845_185


def test_augmentation_states_the_paper(composed: Compose) -> None:
    config = resolved(composed(["experiment=adversarial_augmentation_2018", "scale=paper", *STATISTICS]))
    names = ["paired", "unpaired_source", "unpaired_target"]
    assert batch_sizes(config, names) == {"paired": 16, "unpaired_source": 8, "unpaired_target": 8}
    assert (config["weights"]["adversarial"], config["weights"]["adversarial_unpaired"]) == (8e-5, 8e-5)
    assert config["schedule"]["discriminator"] == {"iterations": 1000, "update": ["discriminator"]}
    assert (config["size"], config["clean"], config["degradation"]["clean"]) == (384, 0.1, 0.1)
    judge = build_network(config, "discriminator")
    assert parameters(judge) == 1_591_169
    assert sum(weight.numel() for weight in judge.maps.parameters()) == 1_572_736


def test_the_noise_of_the_released_code_is_the_recipe_s_in_units_of_its_deviation(composed: Compose) -> None:
    words = ["experiment=adversarial_augmentation_2018", "scale=paper", "degradation=noise_2018", *STATISTICS]
    config = resolved(composed(words))
    darkening = config["degradation"]["noise"]["darkening"]
    assert (darkening["low"], darkening["high"], darkening["chance"]) == ([0, 3], [5, 7], 0.25)
    assert darkening["unit"] == config["generator"]["deviation"] == 0.2
    assert config["degradation"]["page"] == {} and config["degradation"]["clean"] == 0.1
    rough = config["streams"]["unpaired_source"]["degradation"]
    assert "noise" not in rough


def test_the_network_s_layers_and_shapes() -> None:
    network = SimplificationNetwork([0.9], 0.2, width=0.125).eval()
    convolutions = [layer for layer in network.layers if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
    assert len(convolutions) == 23
    assert sum(isinstance(layer, nn.ConvTranspose2d) for layer in convolutions) == 3
    shapes: list[tuple[int, ...]] = []
    for layer in convolutions:
        layer.register_forward_hook(lambda *call: shapes.append(tuple(call[-1].shape[-2:])))
    with torch.no_grad():
        assert network(torch.rand(1, 1, 424, 424))["raw"].shape == (1, 1, 424, 424)
    assert shapes[8] == (53, 53) and shapes[-1] == (424, 424)
    without = SimplificationNetwork([0.9], 0.2, normalization=None)
    assert parameters(without) == 44_829_745


def test_an_output_pixel_sees_what_the_network_says() -> None:
    network = SimplificationNetwork([0.5], 0.25, width=0.1, normalization=None).eval()
    side, middle = 256, 128
    seen = torch.zeros(side, dtype=torch.bool)
    for pixel in range(middle, middle + 8):
        image = torch.rand(1, 1, side, side, requires_grad=True)
        network(image)["raw"][0, 0, pixel, pixel].backward()
        assert image.grad is not None
        rows = image.grad[0, 0].abs().amax(1).nonzero().flatten()
        reach = max(pixel - int(rows.min()), int(rows.max()) - pixel)
        assert reach <= network.context
        seen[reach] = True
    # Not much less either: context is the largest of them.
    assert seen[network.context - 8 :].any()


def test_the_discriminator_s_maps_and_its_refusal() -> None:
    judge = DrawingDiscriminator(384).eval()
    with torch.no_grad():
        logits, maps = judge(torch.rand(1, 1, 384, 384))
    assert logits.shape == (1, 1) and maps[-1].shape == (1, 512, 6, 6)
    assert DrawingDiscriminator(96).maps[-1][0].out_channels == 512
    with pytest.raises(UserError, match="built for 384x384"):
        judge(torch.rand(1, 1, 96, 96))


PHASES = ["schedule.discriminator.iterations=2", "schedule.joint.iterations=4"]


def test_every_recipe_trains_and_starts_from_the_one_before(
    drawn: list[str], unpaired: list[str], drawings: Path, tmp_path: Any
) -> None:
    assert execute("train", ["experiment=sketch_simplification_2016", *drawn, "schedule.joint.iterations=4"]).code == 0
    first = next((tmp_path / "runs").glob("sketch_simplification*"))
    words = ["experiment=adversarial_augmentation_2018", *drawn, *unpaired, *PHASES]
    assert execute("train", [*words, f"init={first}"]).code == 0
    second = next((tmp_path / "runs").glob("adversarial_augmentation*"))
    header = (second / "metrics.csv").read_text().splitlines()[0]
    assert "gradient/adversarial_unpaired" in header and "gradient/ratio" in header
    rough = drawings / "test" / "0.png"
    of_target = [word for word in unpaired if "unpaired_target" in word]
    single = ["experiment=single_image", *drawn, *of_target, *PHASES]
    single += [f"streams.unpaired_source.data.path={rough}", f"init={second}"]
    assert execute("train", single).code == 0
    pencil = ["experiment=pencil_generation", *drawn, *PHASES]
    assert execute("train", pencil).code == 0
    assert len(list((tmp_path / "runs").glob("*/scores.csv"))) == 4


def test_the_two_losses_are_the_paper_s_sums(drawn: list[str], unpaired: list[str], composed: Compose) -> None:
    words = ["experiment=adversarial_augmentation_2018", *drawn, *unpaired, *PHASES, *STATISTICS]
    plan = plan_run(composed([*words, "generator.normalization=null", "discriminator.dropout=0.0"]))
    translator, streams = build_translator(plan), training_streams(plan)
    generated = {}
    for name, size in batch_sizes(plan.config, list(streams)).items():
        transform = translator.transforms[name]
        sample = transform.prepare(collate([streams[name]["generator", k] for k in range(size)]))
        generated[name] = sample if name == "unpaired_target" else transform.generate(translator.generator, sample)
    pairs, rough, clean = generated.values()

    def cross_entropy(picture: torch.Tensor, label: float) -> torch.Tensor:
        assert translator.discriminator is not None
        logits = translator.discriminator(picture)[0]
        return nn.functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))

    # Four terms of weight 1 for D: the small weights are the generator's alone.
    four = [(pairs["output"], 0.0), (pairs["target"], 1.0), (rough["output"], 0.0), (clean["target"], 1.0)]
    expected = sum(cross_entropy(picture.detach(), label) for picture, label in four)
    torch.testing.assert_close(translator.discriminator_loss(generated, translator.terms, observe=False), expected)
    pulls = cross_entropy(pairs["output"], 1.0) + cross_entropy(rough["output"], 1.0)
    expected = nn.functional.mse_loss(pairs["output"], pairs["target"]) + 8e-5 * pulls
    wanted = torch.autograd.grad(expected, [*translator.generator.parameters()], retain_graph=True)
    loss = translator.objective.of_generator(generated, translator.terms, 0, observe=False, measure=False)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(torch.autograd.grad(loss, [*translator.generator.parameters()]), wanted)


def test_streams_that_no_term_reads_are_neither_built_nor_part_of_the_run(
    drawn: list[str], unpaired: list[str], composed: Compose
) -> None:
    words = ["experiment=adversarial_augmentation_2018", *drawn, *unpaired, *PHASES]
    whole = plan_run(composed(words))
    assert list(whole.streams) == ["paired", "unpaired_source", "unpaired_target"]
    supervised = plan_run(composed([*words, "loss=[mse,adversarial]"]))
    assert list(supervised.streams) == ["paired"]
    augmentation = "experiment=adversarial_augmentation_2018"
    alone = plan_run(composed([augmentation, *drawn, *PHASES, "loss=[mse,adversarial]", "stream=[]"]))
    assert supervised.identity == alone.identity


def test_an_empty_unpaired_folder_and_a_stream_that_was_not_chosen(
    drawn: list[str], unpaired: list[str], tmp_path: Any, capsys: Any
) -> None:
    (tmp_path / "empty").mkdir()
    words = ["experiment=adversarial_augmentation_2018", *drawn, *unpaired, *PHASES]
    assert execute("train", [*words, f"streams.unpaired_source.data.path={tmp_path / 'empty'}"]).code == 2
    assert "holds no picture" in capsys.readouterr().err
    chosen = ["experiment=sketch_simplification_2016", *drawn, "loss=[mse,adversarial,adversarial_unpaired]"]
    assert execute("train", chosen).code == 2
    assert "stream=[unpaired_source]" in capsys.readouterr().err
    shares = [f"streams.unpaired_{side}.share=0.3" for side in ("source", "target")]
    assert execute("train", [*words, *shares, "batch_size=4"]).code == 2
    assert "a whole number" in capsys.readouterr().err


def test_openmoji_s_lines_are_the_recipe_s_data(composed: Compose) -> None:
    config = resolved(composed(["experiment=sketch_simplification_2016", *STATISTICS]))
    assert config["data"]["_target_"].endswith(OpenMojiLines.__name__)
