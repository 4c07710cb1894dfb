"""The colors and markers of a study's charts, the same in all of them and in the page."""

from __future__ import annotations

from henkan.report.study import Study

INK, MUTED, GRID = "#1f2328", "#656d76", "#d8dee4"
# Okabe and Ito's palette, which survives color blindness, and then whatever is farthest in CIEDE2000 from all before it
# and still told from the paper; gray is kept for baselines. (light, dark)
BASELINE = ("#6e7681", "#9aa4af")
PALETTE = [
    ("#0072b2", "#56a8e0"),
    ("#d55e00", "#ff8a3d"),
    ("#009e73", "#35c79d"),
    ("#b0568f", "#e39bc8"),
    ("#a87b00", "#e6b83c"),
    ("#5b4bc4", "#a79cff"),
    ("#ff1849", "#ff0049"),
    ("#799e00", "#aaff00"),
    ("#499eaa", "#9ef3ff"),
    ("#6d0c0c", "#aa6d79"),
    ("#b66dff", "#db00e7"),
    ("#243d00", "#6d9200"),
    ("#926155", "#ffc2b6"),
    ("#005555", "#009292"),
    ("#552449", "#ff3d9e"),
    ("#007900", "#cedbaa"),
    ("#613d00", "#927955"),
    ("#003d61", "#009255"),
]
# The colors of the page's style, by what they are on light.
THEME = {
    INK: "--ink", MUTED: "--muted", GRID: "--grid", BASELINE[0]: "--base",
    **{light: f"--p{place}" for place, (light, _) in enumerate(PALETTE)},
}  # fmt: skip
MARKERS = "os^DvPX*<>"
# Of what is the same for every seed.
WITHOUT_SEED = "h"


def colors(study: Study) -> dict[str, tuple[str, str]]:
    """Return each configuration's color, (on light, on dark)."""
    others = [name for name in study.configurations if name in study.baselines]
    found = {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(others)}
    return {name: found.get(name, BASELINE) for name in study.configurations}


def variables(study: Study) -> dict[str, str]:
    """Return what each configuration's color is called in the page's style."""
    return {name: THEME[color] for name, (color, _) in colors(study).items()}


def markers(study: Study) -> dict[int | None, str]:
    """Return each seed's marker, and under None that of runs without a seed, if there are any."""
    found: dict[int | None, str] = {seed: MARKERS[i % len(MARKERS)] for i, seed in enumerate(study.seeds)}
    return found | {None: WITHOUT_SEED} if any(run.seed is None for run in study.runs) else found


def seed_words(seed: int | None) -> str:
    return "no seeds" if seed is None else f"seed {seed}"
