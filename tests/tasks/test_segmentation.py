"""Segmentation: from maps of classes to logits, colors, losses, scores, and a file with a palette."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from PIL import Image
from torch import Tensor, nn

from henkan.color import class_colors, mean_class_color
from henkan.data.degraded import Degraded
from henkan.data.labelled_folder import LabelledFolder
from henkan.degradations.grey import Grey
from henkan.degradations.identity import Identity
from henkan.errors import UserError
from henkan.generators.fcn import FCN
from henkan.launching.execute import execute
from henkan.losses.pixel_cross_entropy import PixelCrossEntropy
from henkan.metrics.segmentation import IoU, MeanIoU, PixelAccuracy
from henkan.networks.ensemble import SelfEnsemble
from henkan.prediction.segmentation import SegmentPictures, palette
from henkan.sample import UNKNOWN, Sample, to_float
from henkan.tasks.colorization import Colorization
from henkan.tasks.segmentation import Segmentation
from henkan.training.assemble import training_stream
from henkan.transform import Transform


def batch() -> Sample:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(3, (2, 1, 8, 8), generator=generator).to(torch.uint8)
    labels[:, :, 0] = UNKNOWN
    target = torch.randint(256, (2, 3, 8, 8), generator=generator).to(torch.uint8)
    places = torch.zeros(2, 2, dtype=torch.int64)
    return {"target": target, "labels": labels, "window": places, "window_real": places}


class Fixed(nn.Module):
    """Answers the same logits of three classes everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor([0.0, 1.0, 2.0]).view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return {"raw": self.logits.expand(len(image), -1, *image.shape[-2:])}


def test_colors_are_those_of_voc() -> None:
    known = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 5: (128, 0, 128), 8: (64, 0, 0), 15: (192, 128, 128)}
    known |= {20: (0, 64, 128), UNKNOWN: (224, 224, 192)}
    for label, expected in known.items():
        found = class_colors(torch.full((1, 1, 1, 1), label)).mul(255).round().flatten().tolist()
        assert tuple(found) == expected and tuple(palette()[3 * label : 3 * label + 3]) == expected
    assert len({tuple(palette()[3 * k : 3 * k + 3]) for k in range(256)}) == 256


def test_the_mean_color_is_that_of_sure_classes_and_lets_gradients_through() -> None:
    labels = torch.randint(21, (2, 1, 4, 4), generator=torch.Generator().manual_seed(0))
    sure = 50.0 * nn.functional.one_hot(labels.squeeze(1), 21).permute(0, 3, 1, 2).float()
    torch.testing.assert_close(mean_class_color(sure), class_colors(labels))
    logits = torch.zeros(1, 2, 1, 1, requires_grad=True)
    # Half of black, half of (128, 0, 0).
    torch.testing.assert_close(mean_class_color(logits).flatten(), torch.tensor([64 / 255, 0.0, 0.0]))
    mean_class_color(logits).sum().backward()
    assert logits.grad is not None and logits.grad.flatten()[1] == -logits.grad.flatten()[0] != 0


def test_labels_become_whole_numbers_and_pictures_floats() -> None:
    sample = to_float(batch())
    assert sample["labels"].dtype == torch.int64 and sample["labels"].max() == UNKNOWN
    assert sample["target"].dtype == torch.float32 and sample["target"].max() <= 1


def test_what_is_composed_judged_and_shown() -> None:
    task, network = Segmentation(window=4), Fixed()
    own = Transform(task, Identity())
    prepared = own.prepare(batch())
    sample = own.generate(network, prepared)
    assert torch.equal(sample["source"], prepared["target"])
    assert torch.equal(sample["target"], class_colors(prepared["labels"]))
    unknown = (prepared["labels"] == UNKNOWN).expand(-1, 3, -1, -1)
    assert unknown.any() and torch.equal(sample["output"][unknown], sample["target"][unknown])
    assert torch.equal(sample["output"][~unknown], sample["prediction"][~unknown])
    # The real side was never composed.
    real, fake = task.judged("target", prepared, "real"), task.judged("output", sample, "fake")
    assert torch.equal(real["image"], sample["target"]) and fake["image"] is sample["output"]
    assert real["condition"] is prepared["source"] and fake["window"].shape == (2, 3, 4, 4)
    fake["image"].sum().backward()
    assert network.logits.grad is not None and network.logits.grad.abs().max() > 0
    panels = task.panels(sample)
    assert list(panels) == ["source", "output", "target"]
    assert torch.equal(panels["output"], class_colors(torch.full((2, 1, 8, 8), 2)))


def test_data_without_labels() -> None:
    own = Transform(Segmentation(window=4), Identity())
    bare = own.prepare({key: value for key, value in batch().items() if key != "labels"})
    with pytest.raises(UserError, match="these data have none: choose data=labelled_folder"):
        own.generate(Fixed(), bare)
    with pytest.raises(UserError, match="these data have none"):
        own.task.judged("target", bare, "real")
    # A person's picture has neither labels nor target.
    assert "target" not in own.generate(Fixed(), {"source": bare["source"]})


@pytest.mark.parametrize("wrap", [lambda network: network, SelfEnsemble], ids=["alone", "ensemble"])
def test_classes_are_no_answer_where_pictures_are_asked_for(wrap: Callable[[nn.Module], nn.Module]) -> None:
    # As many channels as a colorization's a and b.
    network = wrap(FCN(2, width=0.125).eval())
    grey = Transform(Colorization(8), Grey())
    with pytest.raises(UserError, match=r"answers with classes, and Colorization is about pictures: choose another"):
        grey.generate(network, grey.prepare({"target": torch.zeros(1, 3, 32, 32, dtype=torch.uint8)}))
    segmentation = Transform(Segmentation(8), Identity())
    assert segmentation.generate(network, {"source": torch.zeros(1, 3, 32, 32)})["raw"].shape == (1, 2, 32, 32)


def test_cross_entropy_of_pixels() -> None:
    logits = torch.zeros(2, 4, 2, 2, requires_grad=True)
    labels = torch.tensor([[[[0, 1], [UNKNOWN, 3]]], [[[UNKNOWN] * 2] * 2]])
    found = PixelCrossEntropy()(logits, labels)
    torch.testing.assert_close(found, torch.tensor([4.0, 1.0]).log())
    found.sum().backward()
    assert logits.grad is not None and (logits.grad[0, :, 1, 0] == 0).all() and (logits.grad[0, :, 0, 0] != 0).all()
    # The mean counts three pixels, whatever their weights.
    weighted = PixelCrossEntropy([1.0, 2.0, 0.0, 0.0])(logits, labels)
    torch.testing.assert_close(weighted[0], 4 * torch.tensor(4.0).log() / 4)


def test_what_cross_entropy_refuses() -> None:
    logits, labels = torch.zeros(1, 2, 4, 4), torch.full((1, 1, 4, 4), 2)
    with pytest.raises(UserError, match="a pixel has the class 2, and the generator knows 2 classes"):
        PixelCrossEntropy()(logits, labels)
    with pytest.raises(UserError, match="3 weights for 2 classes"):
        PixelCrossEntropy([1, 1, 1])(logits, labels - 1)
    with pytest.raises(UserError, match="must be 0 or more"):
        PixelCrossEntropy([1, -1])
    with pytest.raises(UserError, match="mend the term's `reads`"):
        PixelCrossEntropy()(logits, labels[..., :2])


def one_hot(classes: Tensor, count: int) -> Tensor:
    return nn.functional.one_hot(classes.squeeze(1), count).permute(0, 3, 1, 2).float()


def test_scores_by_hand() -> None:
    labels = torch.tensor([[[[0, 0, 1, UNKNOWN]]], [[[1, 1, 1, 1]]]])
    logits = one_hot(torch.tensor([[[[0, 1, 1, 2]]], [[[1, 1, 0, 0]]]]), 4)
    torch.testing.assert_close(PixelAccuracy()(logits, labels), torch.tensor([2 / 3, 1 / 2], dtype=torch.float64))
    # First: class 0 has 1 of 2, class 1 has 1 of 2. Second: class 0 has 0 of 2, class 1 has 2 of 4.
    torch.testing.assert_close(IoU()(logits, labels), torch.tensor([1 / 2, 1 / 4], dtype=torch.float64))
    over = MeanIoU()
    assert np.isnan(over.compute())
    for row in range(2):
        over.update(logits[row : row + 1], labels[row : row + 1])
    # Together: class 0 has 1 of 4, class 1 has 3 of 6; classes 2 and 3 do not occur where something is known.
    assert over.compute() == pytest.approx((1 / 4 + 3 / 6) / 2)
    over.reset()
    over.update(one_hot(labels[1:], 4), labels[1:])
    assert over.compute() == 1.0
    nothing = torch.full((1, 1, 2, 2), UNKNOWN)
    assert PixelAccuracy()(torch.rand(1, 3, 2, 2), nothing).isnan().all()
    assert IoU()(torch.rand(1, 3, 2, 2), nothing).isnan().all()


def test_scores_of_what_does_not_fit() -> None:
    with pytest.raises(UserError, match="more classes than the 2 of the generator"):
        IoU()(torch.zeros(1, 2, 2, 2), torch.full((1, 1, 2, 2), 2))
    with pytest.raises(UserError, match="mend the metric's `reads`"):
        PixelAccuracy()(torch.zeros(1, 2, 2, 2), torch.zeros(1, 1, 3, 2, dtype=torch.int64))


class ByTone(nn.Module):
    """Finds three classes by brightness, pixel by pixel."""

    context, multiple = 0, 1

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        tone = image.mean(1, keepdim=True)
        return {"raw": -100.0 * torch.cat([(tone - center).abs() for center in (0.0, 0.5, 1.0)], dim=1)}


def predictor(megapixels: float, channels: int = 3) -> SegmentPictures:
    cfg = OmegaConf.create({"megapixels": megapixels, "source_channels": channels})
    assert isinstance(cfg, DictConfig)
    return SegmentPictures(ByTone(), Transform(Segmentation(window=4), Identity()), cfg, cfg)


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_a_picture_becomes_a_palette_file(tmp_path: Path, mode: str) -> None:
    pixels = np.repeat(np.repeat(np.array([[0, 128, 255]], np.uint8), 9, 0), 5, 1)
    Image.fromarray(pixels).convert(mode).save(tmp_path / "a.png")
    ((ending, content),) = predictor(1.0)(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(content)
    with Image.open(tmp_path / "b.png") as found:
        assert (ending, found.mode, found.size) == (".png", "P", (15, 9))
        assert np.array_equal(np.asarray(found), np.where(pixels == 0, 0, np.where(pixels == 255, 2, 1)))
        assert found.convert("RGB").getpixel((14, 0)) == (0, 128, 0)


def test_tiles_find_what_the_whole_does() -> None:
    picture = np.random.default_rng(0).random((150, 181, 3)).astype(np.float32)
    whole, tiled = predictor(1.0).classes(picture), predictor(0.012).classes(picture)
    assert set(np.unique(whole)) == {0, 1, 2} and np.array_equal(whole, tiled)
    # A network of grey pictures is shown the lightness.
    assert predictor(1.0, channels=1).classes(picture).shape == (150, 181)


def test_from_training_to_a_persons_picture(
    labelled: Path, tmp_path: Path, composed: Callable[..., DictConfig], capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["experiment=fcn", "scale=smoke", "data=labelled_folder", f"data.path={labelled}", "source_channels=3"]
    words += [f"paths.runs={tmp_path / 'runs'}", f"paths.cache={tmp_path / 'cache'}", "logger=none"]
    words += ["loss=[pixel_cross_entropy,adversarial]", "schedule.joint.iterations=40", "trainer.log_every=10"]
    words += ["trainer.precision=32-true", "trainer.threads=1", "average.decay=null", "metric=[miou,iou_classes,psnr]"]
    assert execute("train", words).code == 0
    (run,) = (path.parent for path in (tmp_path / "runs").glob("*/run.json"))
    assert Image.open(next((run / "pictures").glob("*_output.png"))).mode == "RGB"
    picture = labelled / "pictures" / "test" / "000.png"
    given = [f"run={run}", f"input={picture}", f"output={tmp_path / 'out'}", "trainer.accelerator=cpu"]
    assert execute("predict", given).code == 0
    with Image.open(tmp_path / "out" / "000.png") as found, Image.open(picture) as shown:
        assert found.mode == "P" and found.size == shown.size
        assert set(np.unique(np.asarray(found))) <= {0, 1, 2}


@pytest.mark.parametrize("format", ["files", "tar"])
def test_labels_go_to_disk_and_come_back(
    labelled: Path, tmp_path: Path, composed: Callable[..., DictConfig], format: str
) -> None:
    data = ["scale=smoke", "task=segmentation", "data=labelled_folder", f"data.path={labelled}"]
    words = [*data, "degradation=none", f"paths.cache={tmp_path / 'cache'}"]
    output = tmp_path / "samples"
    written = ["count=3", "shard=2", "splits=[train,test]", f"format={format}", f"output={output}", "sheet=2"]
    assert execute("degrade", [*words, *written]).code == 0
    found = Degraded(output)
    assert found.classes == ("0", "1", "2")
    cfg = OmegaConf.to_container(composed(words), resolve=True)
    assert isinstance(cfg, dict)
    stream = training_stream(cfg, LabelledFolder(labelled, tmp_path / "cache"))  # type: ignore[arg-type]
    for number, name in enumerate(found.names("train")):
        expected = stream["generator", number]
        assert np.array_equal(found.companions(name)["labels"].transpose(2, 0, 1), expected["labels"])
        assert np.array_equal(found.picture(name).transpose(2, 0, 1), expected["target"])
    assert UNKNOWN in found.companions(found.names("test")[0])["labels"]
