"""What a page says of a study beside its scores: how far it is, what sets runs apart, their cost, their machines."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from henkan.archive.index import settings_of
from henkan.files import Damaged, read_text
from henkan.report import words
from henkan.report.run import STATUSES, Run
from henkan.report.study import Study

# What a config says of whole pictures: `henkan.scoring.evaluation_set.WHOLE`, which would load torch.
WHOLE = "whole"
# Fewer pictures are told to be few.
FEW = 30
UNCOMMITTED = " with uncommitted changes"
# What curves know of memory, and what it is of.
MEMORY = {"memory/peak": "GiB", "memory/resident": "GiB of RAM"}


def notes(study: Study) -> list[str]:
    """Return what must be said before any score is read: of smoke runs, few pictures, whole pictures."""
    found = []
    if study.plan.get("scale") == "smoke":
        found.append("Runs at scale=smoke show that everything works: neither scores nor pictures mean anything.")
    counts = {len(run.scores) for run in study.runs if run.scores is not None}
    if counts and max(counts) < FEW:
        found.append(f"Scored on {max(counts)} picture{'s' * (max(counts) > 1)}: too few to tell small differences.")
    if any(is_scored_whole(run) for run in study.runs):
        found.append("Scored on whole pictures, whatever scale was trained (evaluation.framing=whole).")
    return found


def is_scored_whole(run: Run) -> bool:
    """Whether a run was asked to score whole pictures."""
    path = run.file("config.yaml") if run.status == "done" else None
    if path is None or not path.is_file():
        return False
    try:
        # Hardly any was, and reading a config takes longer than all else of a run.
        return WHOLE in read_text(path, "") and settings_of(path).get("evaluation.framing") == WHOLE
    except Damaged:
        return False


def differences(study: Study) -> list[tuple[str, list[str]]]:
    """Return what sets configurations apart, each thing once: every run, the variants, the values of the axes.

    An axis of numbers is one line.
    """
    nodes = study.configurations
    said = {name: list(node.get("overrides") or []) for name, node in nodes.items()}
    everywhere = common(said.values())
    found = [("every run", [*(study.plan.get("overrides") or []), *everywhere])] if len(nodes) > 1 else []
    variants: dict[str, list[str]] = {}
    values: dict[tuple[str, str], list[str]] = {}
    for name, node in nodes.items():
        variants.setdefault(str(node.get("variant", name)), []).append(name)
        for place in (node.get("point") or {}).items():
            values.setdefault(place, []).append(name)
    known = {word for _, words in found for word in words}
    own = {variant: [word for word in common(said[name] for name in names) if word not in known]
           for variant, names in variants.items()}  # fmt: skip
    found += [(variant, words or ["the recipe as it stands"]) for variant, words in own.items()]
    known |= {word for words in own.values() for word in words}
    axis = study.axis
    if axis is not None:
        found.append((axis.key, [f"{value:g}" for value in dict.fromkeys(axis.values.values())]))
    for (key, value), names in values.items():
        if axis is None or key != axis.key:
            words = [word for word in common(said[name] for name in names) if word not in known]
            found.append((f"{key}: {value}", words or ["as it stands"]))
    return [(name, words) for name, words in found if words]


def common(lists: Iterable[list[str]]) -> list[str]:
    """Return what is in each of several lists, in the order of the first."""
    first, *others = list(lists)
    return [word for word in first if all(word in other for other in others)]


def prefixes(study: Study) -> list[str]:
    """Say which runs of a seed have trained their beginning together: `mse and gan: 2,000 iterations, 6 min`."""
    shared: dict[str, list[tuple[str, Run]]] = {}
    for name, run in study.distinct:
        if start := run.record.get("prefix"):
            shared.setdefault(start["identity"], []).append((name, run))
    told: dict[tuple[int, tuple[str, ...]], list[float]] = {}
    everyone = {name for name, _ in study.distinct}
    for runs in shared.values():
        names = tuple(dict.fromkeys(name for name, _ in runs))
        if len(names) > 1:
            start = runs[0][1].record["prefix"]
            told.setdefault((start["iteration"], names), []).append(start.get("seconds", 0.0))
    return [
        f"{words.listed(names) if len(names) < len(everyone) or len(names) < 4 else 'all of them'}: "
        f"{words.plural(iteration, 'iteration')}"
        + (f", {words.duration(max(seconds))} a seed" if max(seconds) >= 1 else "")
        for (iteration, names), seconds in told.items()
    ]


def progress(study: Study) -> str:
    """Say how far the study is: `6 of 9 runs done, 1 running, 2 waiting`."""
    parts = [f"{study.count('done')} of {words.plural(len(study.distinct), 'run')} done"]
    parts += [f"{study.count(status)} {status}" for status in STATUSES[1:] if study.count(status)]
    return ", ".join(parts)


def cost(run: Run) -> str:
    """Say what training took, and how much of it was shared with other runs, or lost: `9 min (5 min shared), 3.2 GiB`.

    The memory is the most that was taken of a GPU's, or without one of the machine's. Then come the parameters of the
    generator and the discriminator. What a run has not recorded, as one of before, is left out.
    """
    value = run.record.get("seconds")
    if not isinstance(value, int | float) or not run.record.get("iterations"):
        return "–"
    shared = run.record.get("prefix", {}).get("seconds", 0)
    asides = {"shared": shared, "lost besides": run.record.get("seconds_lost", 0)}
    told = [f"{words.duration(part)} {name}" for name, part in asides.items() if part >= 1]
    time = words.duration(value) + (f" ({', '.join(told)})" if told else "")
    return ", ".join([time, *memory(run), *parameters(run)])


def memory(run: Run) -> list[str]:
    """Return the most memory that a run took, as far as it is known."""
    log = run.curves
    found = {name: log[name].max() for name in MEMORY if log is not None and name in log}
    return [f"{peak:.1f} {MEMORY[name]}" for name, peak in found.items() if peak > 0]


def parameters(run: Run) -> list[str]:
    """Return how large a run's networks are, as far as it is known."""
    known = run.record.get("parameters") or {}
    generator, discriminator = (known.get(name) for name in ("generator", "discriminator"))
    if generator is None:
        return []
    beside = "" if discriminator is None else f" (discriminator {words.rounded(discriminator)})"
    return [f"{words.rounded(generator)} parameters{beside}"]


def environment(study: Study) -> list[tuple[str, str]]:
    """Return what the runs were trained on and with, as their own records say; where they differ, which on what."""
    found: dict[str, dict[str, dict[str, None]]] = {}
    for run in study.runs:
        record = run.record
        now = {key: record[key] for key in ("hardware", "versions") if key in record}
        commit = f"{record['commit']}{UNCOMMITTED if record.get('uncommitted') else ''}" if record.get("commit") else ""
        for node in [*record.get("environments", [now]), {"commit": commit}]:
            for name, value in flat({key: part for key, part in node.items() if key != "since"}):
                found.setdefault(name, {}).setdefault(value, {})[run.folder.name] = None
    return [(name, told(places)) for name, places in found.items()]


def told(places: Mapping[str, Collection[str]]) -> str:
    """Return a value that all runs share, or each value with the runs that it is of."""
    if len(places) == 1:
        return next(iter(places))
    named = {
        value: words.listed(runs) if len(runs) <= 3 else words.plural(len(runs), "run")
        for value, runs in places.items()
    }
    return "; ".join(f"{value} ({runs})" for value, runs in named.items())


def reason(run: Run) -> str:
    """Return why a run has not come to its end."""
    return run.error if run.status in ("failed", "interrupted", "stopped") else ""


def flat(node: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield a nested mapping as dotted names and texts, without what is empty or longer than two lines."""
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        elif value not in (None, "", []) and len(str(value)) <= 200:
            yield f"{prefix}{key}", str(value)
