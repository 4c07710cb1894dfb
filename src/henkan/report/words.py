"""What the report calls things: metrics in plain words, numbers with as many digits as they deserve."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from henkan.archive.query import POST
from henkan.report.statistics import Interval


@dataclass(frozen=True)
class Metric:
    """A metric for people: a short label, a unit (may be empty) and one line of definition.

    A metric that is best at a value, neither high nor low, has this `target`, and `truth` says what is met there.
    """

    label: str
    unit: str = ""
    definition: str = ""
    target: float | None = None
    truth: str = ""


VGG16 = "_vgg16"
# A metric that is not named here goes by its key: a new one needs no edit of this table.
METRICS = {
    "psnr": Metric("PSNR", "dB", "10·log10(1 / mean squared error) of each 8-bit picture, capped at 100 dB."),
    "psnr_hole": Metric("PSNR in the hole", "dB", "PSNR over the pixels that were missing, per picture."),
    "ssim": Metric("SSIM", "", "Structural similarity, Gaussian 11×11 window with σ = 1.5, per picture."),
    "ssim_hole": Metric("SSIM in the hole", "", "The SSIM map averaged over the pixels that were missing."),
    "l1": Metric("L1", "%", "Mean absolute difference, in percent of the range."),
    "l1_hole": Metric("L1 in the hole", "%", "Mean absolute difference over the pixels that were missing."),
    "gradient_hole": Metric(
        "gradient in the hole",
        "",
        "Mean gradient magnitude of the output where pixels were missing: sharpness.",
    ),
    "gradient_gap_hole": Metric(
        "gradient gap in the hole",
        "",
        "Gradient in the hole, output less true picture: 0 is as sharp as the truth, below is blurred, above too busy.",
        target=0.0,
        truth="the true gradient in the hole",
    ),
    "mse": Metric("MSE", "", "Mean squared error of each 8-bit picture, values in [0, 1]."),
    "line_f": Metric("line F", "", "Harmonic mean of line precision and recall, per drawing; 1 is best."),
    "line_precision": Metric(
        "line precision",
        "",
        "Share of the output's ink within 1.5 px of the clean drawing's: what is there belongs there.",
    ),
    "line_recall": Metric(
        "line recall",
        "",
        "Share of the clean drawing's ink within 1.5 px of the output's: what belongs there is there.",
    ),
    "grey_share": Metric("grey", "", "Share of pixels that are neither ink nor paper, between 0.1 and 0.9."),
    "grey_gap": Metric(
        "grey gap",
        "",
        "Share of grey pixels, output less clean drawing: 0 is as crisp as the clean lines, above is blurred.",
        target=0.0,
        truth="the grey of clean lines",
    ),
    "ab_error": Metric(
        "ab error",
        "",
        "Mean distance from the true color in the a, b plane of CIELAB, per picture; lightness is left out.",
    ),
    "ciede2000": Metric(
        "CIEDE2000", "", "Mean color difference CIEDE2000, per picture; about 1 is just noticeable side by side."
    ),
    "colorfulness": Metric("colorfulness", "", "Colorfulness after Hasler and Süsstrunk (2003); 0 is grey."),
    "colorfulness_gap": Metric(
        "colorfulness gap",
        "",
        "Colorfulness, output less true picture: 0 is as colorful as the truth, below is paler, above more vivid.",
        target=0.0,
        truth="the true colorfulness",
    ),
    "gamut_clipped": Metric(
        "out of gamut",
        "",
        "Share of pixels whose color had to be clipped, since no screen can show it at their lightness.",
    ),
    "iou": Metric(
        "IoU",
        "",
        "Intersection over union of what was found and what is there, per picture; finding nothing in nothing is 1.",
    ),
    "average_precision": Metric(
        "average precision",
        "",
        "Area under precision against recall over each picture's pixels; chance is the share there.",
    ),
    "auroc": Metric("AUROC", "", "How often what is there ranks above what is not, per picture; 0.5 is chance."),
    "class_accuracy": Metric("class accuracy", "", "Share of pictures whose class is recognized."),
    "pixel_accuracy": Metric("pixel accuracy", "", "Share of the pixels whose class is right, per picture."),
    "iou_classes": Metric("IoU", "", "Intersection over union, mean over the classes of each picture."),
    "miou": Metric("mIoU", "", "Intersection over union in all pictures together, mean over classes: VOC's score."),
    "psnr_crop": Metric("PSNR", "dB", "In RGB, without a rim of as many pixels as pictures are enlarged."),
    "psnr_y_crop": Metric(
        "PSNR on Y", "dB", "On brightness (Y of BT.601), without a rim of as many pixels as pictures are enlarged."
    ),
    "ssim_y_crop": Metric("SSIM on Y", "", "Structural similarity of brightness, without that rim."),
    "lpips_alex": Metric("LPIPS (alex)", "", "LPIPS v0.1 with the AlexNet trunk."),
    "lite0_distance": Metric(
        "Lite0 distance", "", "Distance of EfficientNet-Lite0 features of output and true picture; not LPIPS."
    ),
    "vgg16_distance": Metric(
        "VGG-16 distance", "", "Distance of VGG-16 features of output and true picture; not LPIPS."
    ),
    "kid_lite0": Metric(
        "KID (Lite0)",
        "",
        "Kernel distance of the sets of outputs and true pictures in EfficientNet-Lite0 features.",
    ),
    "precision": Metric(
        "precision", "", "Share of the outputs that lie among true pictures, by the 3rd neighbor in Lite0's features."
    ),
    "recall": Metric(
        "recall", "", "Share of the true pictures that lie among outputs, by the 3rd neighbor in Lite0's features."
    ),
    "density": Metric(
        "density",
        "",
        "How many true pictures' neighborhoods an output lies in, over 5; 1 for sets of one distribution.",
    ),
    "coverage": Metric(
        "coverage", "", "Share of the true pictures that have an output near them, in Lite0's features."
    ),
    "ssimulacra2": Metric(
        "SSIMULACRA 2", "", "Quality as people rate it: 90 cannot be told apart, 70 high, 50 medium, 30 low."
    ),
    "flip": Metric("FLIP", "", "What somebody sees who flips between output and true picture, mean over the pixels."),
    "dists": Metric("DISTS", "", "Structure and texture in VGG-16, after Ding et al. (2020)."),
    "fid": Metric("FID", "", "Fréchet distance of the sets of outputs and true pictures in Inception's features."),
}


def metric(key: str) -> Metric:
    """Return how people read `key`."""
    if key.endswith(POST) and key not in METRICS:
        plain = metric(key.removesuffix(POST))
        truth = plain.truth and f"{plain.truth}, post-processed"
        return replace(plain, label=f"{plain.label}, post-processed", truth=truth)
    if key.endswith(VGG16) and key.removesuffix(VGG16) in METRICS and key not in METRICS:
        plain = METRICS[key.removesuffix(VGG16)]
        definition = plain.definition.replace("Lite0's features", "VGG-16's features")
        return replace(plain, label=f"{plain.label} (VGG-16)", definition=definition)
    return METRICS.get(key, Metric(key))


def number(value: float | None, digits: int, signed: bool = False) -> str:
    """Return a number with `digits` decimals and a true minus sign; an en dash for nothing.

    A signed number that rounds to zero keeps its sign, so that an interval still tells its side of zero.
    """
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:+.{digits}f}" if signed and value else f"{abs(value) if value == 0 else value:.{digits}f}"
    return text.replace("-", "\N{MINUS SIGN}")


def decimals(intervals: Iterable[Interval | None]) -> int:
    """Return the decimals whose last place is at most a third of the half-width of a narrow interval."""
    reaches, sizes = [], []
    for interval in intervals:
        if interval is None:
            continue
        sizes.append(abs(interval.mean))
        if interval.low is not None and interval.high is not None and interval.high > interval.low:
            reaches.append((interval.high - interval.low) / 2)
    if reaches:
        # The lower quartile: the narrow intervals should not round to nothing, the narrowest may.
        scale = sorted(reaches)[len(reaches) // 4]
    elif sizes and max(sizes) > 0:
        scale = max(sizes) / 30
    else:
        return 2
    return min(max(math.ceil(-math.log10(scale / 3)), 0), 5)


def duration(seconds: float) -> str:
    """Return seconds as people say them: 48 s, 12 min, 1 h 05 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def listed(words: Iterable[str]) -> str:
    """Join words as a sentence does: a, b and c."""
    *rest, last = list(words)
    return f"{', '.join(rest)} and {last}" if rest else last


def plural(count: int, word: str) -> str:
    """Return `1 seed`, `3 seeds`."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def rounded(count: int) -> str:
    """Return a large count in two digits and a letter: 950, 12 k, 1.4 M."""
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        # What would round to a thousand of them is one of the next.
        if count >= 0.995 * size:
            return f"{count / size:.{1 if count < 9.95 * size else 0}f} {letter}"
    return str(count)


def in_words(count: int) -> str:
    """Return a small count as people write it: three, eight, 13."""
    small = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    return small[count] if count < len(small) else f"{count:,}"
