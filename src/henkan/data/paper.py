"""The paper under a drawing: how light it is at every place, and how wide the lines on it are."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from henkan.data.drawings import Floats

# Paper is looked for on a page of at most so many pixels a side.
OVERVIEW = 512
# What is narrower than this share of the longer side, and than so many pixels of the overview, is ink on paper.
BRIDGED, BRIDGED_AT_LEAST = 1 / 12, 15
# What is darker than this share of the paper around is ink, however wide it is; around: this share of the longer side.
DEEPEST_SHADE, AROUND = 0.55, 0.4
# Where a page is darker than this share of what bridges its lines, it shows no paper.
INK = 0.88
# What paper is darker than this, of 1, cannot be told from nothing.
DARKEST = 0.04
# Where nothing changes within so many pixels, and the tone is less than this share of the commonest one, a drawing may
# have been filled on a computer: then paper of that commonest tone lies within so many pixels, across an edge and an
# outline, of as much as this share of all that ends areas of the tone.
CONSTANT, FILLED, BESIDE, BORDERING = 5, 0.95, 17, 0.1
# Where less than this share of a Gaussian's weight lies on what is known, a wider one counts.
FAINTEST = 1e-3
# Of 1: what is darker, on white paper, is taken for a line to measure.
LINE = 0.6
# Fewer pixels of ink than this are no line.
FEWEST = 10


def evened(page: Floats) -> tuple[Floats, float]:
    """Return a drawing (H, W), dark on light, as one in [0, 1] whose paper is white, and how evenly it was lit.

    The tone at each pixel is divided by that of the paper there (see `paper_tone`). The evenness is the tone of the
    darkest hundredth of the paper by that of the lightest: 1 for even light.
    """
    paper = np.maximum(paper_tone(page), DARKEST)
    low, high = np.quantile(paper, (0.01, 0.99))
    whole = cv2.resize(paper, page.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.minimum(page / whole, 1).astype(np.float32), float(low / high)


def paper_tone(page: Floats) -> Floats:
    """Return the tone of the paper under a drawing (H, W), at each pixel of the overview.

    A morphological closing bridges lines; where it does not follow the paper, it is the mean of paper around. Wide
    areas are shade, which falls on paper and lines alike, unless they are very dark, or filled on a computer: those
    are ink.
    """
    scale = min(1.0, OVERVIEW / max(page.shape))
    size = [max(1, round(side * scale)) for side in reversed(page.shape)]
    seen = np.asarray(cv2.resize(page, size, interpolation=cv2.INTER_AREA), np.float32)
    side = max(size)
    lines = max(BRIDGED_AT_LEAST, round(BRIDGED * side)) | 1
    bridged = closed(np.asarray(cv2.medianBlur(seen, 3), np.float32), lines, cv2.MORPH_ELLIPSE)
    around = closed(bridged, max(lines, round(AROUND * side)) | 1, cv2.MORPH_RECT)
    # Lines in an area that is filled belong to it, and pixels around ink are mixed with it.
    ink = np.maximum(bridged <= DEEPEST_SHADE * around, closed(filled(page, size), lines, cv2.MORPH_ELLIPSE) > 0.5)
    is_paper = cv2.dilate(ink.astype(np.uint8), np.ones((5, 5))) == 0
    tone = np.where(is_paper, bridged, spread(bridged, is_paper, lines / 4))
    # A closing goes by the lightest of what it sees: the paper is a little darker, where it is seen between lines.
    bare = is_paper & (seen > INK * tone)
    ratio = np.divide(seen, tone, out=np.ones_like(seen), where=tone > 0)
    return np.asarray(tone * spread(ratio, bare, lines / 3), np.float32)


def closed(page: Floats, size: int, shape: int) -> Floats:
    """Return a page after a closing: what is darker than its surroundings and narrower than `size` pixels is gone."""
    return np.asarray(cv2.morphologyEx(page, cv2.MORPH_CLOSE, cv2.getStructuringElement(shape, (size, size))))


def filled(page: Floats, size: list[int]) -> Floats:
    """Return how much of each of `size` (width, height) pixels of a drawing was filled with a tone on a computer.

    What is filled has one tone to the last level, and some of it ends at a hard edge, beside paper of one tone. Neither
    scans and photographs, nor soft shades that were computed, have any.
    """
    levels = np.rint(page * 255).astype(np.uint16)
    paper = np.bincount(levels.ravel()).argmax()
    window = np.ones((CONSTANT, CONSTANT), np.uint8)
    areas = (cv2.dilate(levels, window) == cv2.erode(levels, window)) & (levels < FILLED * paper)
    beside = cv2.dilate((levels == paper).astype(np.uint8), np.ones((BESIDE, BESIDE)))
    ends = levels[areas & (cv2.erode(areas.astype(np.uint8), np.ones((3, 3))) == 0)]
    at_paper = levels[areas & (beside > 0)]
    tones = int(levels.max()) + 1
    fills = np.bincount(at_paper, minlength=tones) > BORDERING * np.bincount(ends, minlength=tones)
    return np.asarray(cv2.resize(fills[levels].astype(np.float32), size, interpolation=cv2.INTER_AREA))


def spread(values: Floats, where: NDArray[np.bool_], sigma: float) -> Floats:
    """Return the mean of the values that are known, by a Gaussian of `sigma` pixels, or wider ones where none is.

    (Normalized convolution: Knutsson and Westin 1993.) 0 where nothing is known at all.
    """
    known = where.astype(np.float32)
    total, weight = np.zeros_like(values), np.zeros_like(values)
    while sigma < 2 * max(values.shape) and weight.min() < FAINTEST:
        for mean, of in ((total, values * known), (weight, known)):
            mean *= 1 / FAINTEST
            mean += cv2.GaussianBlur(of, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
        sigma *= 3
    return np.divide(total, weight, out=np.zeros_like(values), where=weight > 0)


def line_width(page: Floats) -> float | None:
    """Return about how wide the lines of a drawing (H, W) on white paper are, in pixels; None for hardly any."""
    ink = (page < LINE).astype(np.uint8)
    if ink.sum() < FEWEST:
        return None
    inside = cv2.distanceTransform(ink, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # The middle of a line is as far from paper as nothing around it.
    middle = (inside >= cv2.dilate(inside, np.ones((3, 3)))) & (ink > 0)
    return float(2 * np.median(inside[middle]) - 1)
