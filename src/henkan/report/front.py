"""The Pareto front of the two metrics of a study's plane."""

from __future__ import annotations

from henkan.report.statistics import (
    seed_means,
)
from henkan.report.study import Study
from henkan.report.words import listed, metric


def front(study: Study) -> list[str]:
    """Return the configurations on the Pareto front of the plane's two metrics, by their means, in order of its x.

    Of those no other is better in one metric and no worse in the other. Empty without a plane, or where it is not said
    which way is better.
    """
    keys = [str((study.plan.get("plane") or {}).get(side)) for side in ("x", "y")]
    places = {name: [gain(study, name, key) for key in keys] for name in study.configurations}
    known = {name: (x, y) for name, (x, y) in places.items() if x is not None and y is not None}
    best = [
        name
        for name, (x, y) in known.items()
        if not any(a >= x and b >= y and (a, b) != (x, y) for a, b in known.values())
    ]
    return sorted(best, key=lambda name: known[name])


def gain(study: Study, configuration: str, key: str) -> float | None:
    """Return a configuration's mean, so that more is better; None without one, or where no way is better."""
    means = list(seed_means(study.scores(configuration, key)).values())
    if not means or (key not in study.directions and key not in study.targets):
        return None
    mean = sum(means) / len(means)
    if key in study.targets:
        return -abs(mean - study.targets[key])
    return mean if study.directions[key] == "higher" else -mean


def pareto(study: Study) -> str:
    """Say which configurations are on the Pareto front of the plane, and which are not; empty where there is none."""
    best = front(study)
    plane = study.plan.get("plane") or {}
    # What an axis does not change, and what is one run by other names, is one place.
    if not best or len({study.folders(name) for name in study.configurations}) < 2:
        return ""
    both = f"{metric(str(plane.get('x'))).label} and {metric(str(plane.get('y'))).label}"
    scored = [
        name for name in study.configurations if all(gain(study, name, key) is not None for key in plane.values())
    ]
    beaten = [name for name in scored if name not in best]
    if len(scored) < 2:
        return ""
    if not beaten:
        return f"By their means, all of these are on the Pareto front of {both}: each is better in one of them."
    rest = f"; {listed(beaten)} {'is' if len(beaten) == 1 else 'are'} not"
    return f"By their means, {listed(best)} {'is' if len(best) == 1 else 'are'} on the Pareto front of {both}{rest}."
