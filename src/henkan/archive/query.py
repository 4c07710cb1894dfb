"""Which runs are meant: by what their records and configs say, or by the beginning of their identity.

A key is a word of the record (`status`, `recipe`, `seconds`), a score (`psnr_hole`), or a setting of the config by its
dotted key. What has parts is known by them: `loss=adversarial` is true of a run with that term among others,
`loss=[mse]` of one with that term alone; `generator=unet` of one whose class, or the module it is in, is called so.
"""

from __future__ import annotations

import hashlib
import json
import operator
import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any

from henkan.archive.index import Archive, Entry
from henkan.config.values import in_override
from henkan.errors import UserError

# What records say, as it is asked for; `run` is the folder's name.
OF_RECORDS = (
    "status",
    "recipe",
    "study",
    "seed",
    "identity",
    "run",
    "title",
    "error",
    "iterations",
    "seconds",
    "seconds_lost",
    "created",
    "started",
    "ended",
    "manifest",
    "evaluation",
)
CONDITION = re.compile(r"(?P<key>[\w./@-]+)(?P<sign>!=|<=|>=|=|<|>)(?P<value>.*)", re.DOTALL)
# What a record says of times.
TIMES = ("created", "started", "ended")
ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
ABSENT = object()
# Of what scores are taken with, what they do not depend on: where pictures lie, how many go at once or are kept.
UNSCORED = ("data.path", "data.cache", "evaluation.batch", "evaluation.kept", "evaluation.areas", "evaluation.curve")
# What ends the name of a score after post-processing (`henkan.scoring.evaluator.POST`, which would load torch).
POST = "_post"


class Parts(frozenset[str]):
    """What a setting that has parts goes by: the names of its parts, or of its class and the module that it is in."""


@dataclass(frozen=True)
class Condition:
    """One filter: `key=value`, `key!=value`, or an order of numbers; several values, `a,b`, mean any of them."""

    key: str
    sign: str
    value: str

    def __str__(self) -> str:
        return f"{self.key}{self.sign}{self.value}"

    def fits(self, entry: Entry) -> bool:
        """Whether it is true of a run; nothing is true of a key that the run does not have, but that it is not so."""
        found = value_of(entry, self.key)
        if self.sign in ORDERS and self.key in TIMES:
            # In ISO 8601, of one time zone, whose order is that of texts.
            return isinstance(found, str) and ORDERS[self.sign](found, self.value)
        if self.sign in ORDERS:
            own, given = as_number(found), as_number(self.value)
            return own is not None and given is not None and ORDERS[self.sign](own, given)
        equal = found is not ABSENT and any(is_equal(found, word) for word in split(self.value))
        return equal == (self.sign == "=")


def condition(word: str) -> Condition | None:
    """Read a filter; None for a word that is none. Raises `UserError` for an order of what is no number."""
    match = CONDITION.fullmatch(word)
    if match is None:
        return None
    if match["sign"] in ORDERS and match["key"] not in TIMES and as_number(match["value"]) is None:
        raise UserError(f"{word}: only numbers have an order, and {match['value']!r} is none")
    return Condition(match["key"], match["sign"], match["value"])


def value_of(entry: Entry, key: str) -> Any:
    """Return what a run says under a key: a value, the names of its parts, or `ABSENT`."""
    if key in ("status", "identity", "title"):
        return getattr(entry, key)
    if key == "run":
        return entry.name
    if key in OF_RECORDS:
        return entry.record.get(key)
    if key in entry.metrics:
        return entry.metrics[key]
    settings = entry.settings or {}
    if key in settings:
        return settings[key]
    if f"{key}._target_" in settings:
        return Parts(str(settings[f"{key}._target_"]).split(".")[-2:])
    if f"{key}.name" in settings:
        return settings[f"{key}.name"]
    parts = Parts(name[len(key) + 1 :].partition(".")[0] for name in settings if name.startswith(f"{key}."))
    return parts or ABSENT


def is_equal(found: Any, word: str) -> bool:
    """Whether a value is what a word of the command line says, which may be a pattern with `*`."""
    if isinstance(found, Parts):
        if word.startswith("["):
            return found == Parts(filter(None, map(str.strip, word.strip("[]").split(","))))
        return any(fnmatchcase(name.lower(), word.lower()) for name in found)
    if found is None or isinstance(found, bool):
        return word.lower() == {None: "null", True: "true", False: "false"}[found]
    own, given = as_number(found), as_number(word)
    if own is not None and given is not None and not isinstance(found, str):
        return own == given
    if isinstance(found, list):
        return "".join(in_override(found).split()) == "".join(word.replace("'", "").split())
    return fnmatchcase(str(found), word)


def as_number(value: Any) -> float | None:
    """Return a number, or what spells one; None for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def split(value: str) -> list[str]:
    """Split `a,b` into its words; commas in brackets stay."""
    return re.findall(r"(?:\[[^\]]*\]|[^,])+", value) or [""]


def know(archive: Archive, keys: Iterable[str], among: Sequence[Entry]) -> None:
    """Read what is needed to tell the values of keys. Raises `UserError` for one that no run has."""
    scores = {name for entry in archive.entries for name in entry.metrics}
    deeper = [key for key in keys if key not in OF_RECORDS and key not in scores]
    if deeper:
        archive.read_settings(among)
    for key in deeper:
        if all(value_of(entry, key) is ABSENT for entry in among):
            archive.read_settings(archive.entries)
            if all(value_of(entry, key) is ABSENT for entry in archive.entries):
                # Not before it must: Hydra takes a second.
                from henkan.config.explain import suggestion

                settings = {name for entry in archive.entries for name in entry.settings or ()}
                groups = {name.partition(".")[0] for name in settings}
                near = suggestion(key, [*OF_RECORDS, *sorted(scores), *sorted(groups), *sorted(settings)])
                raise UserError(f"no run knows {key!r}{near}")


def select(archive: Archive, conditions: Sequence[Condition], entries: Sequence[Entry] | None = None) -> list[Entry]:
    """Return the runs that all conditions are true of: what records tell is asked first, since it costs nothing."""
    found = list(archive.entries if entries is None else entries)
    for one in sorted(conditions, key=lambda each: each.key not in OF_RECORDS):
        know(archive, [one.key], found)
        found = [entry for entry in found if one.fits(entry)]
    return found


def named(archive: Archive, word: str) -> list[Entry]:
    """Return the runs that a word names: the beginning of an identity, a folder or its path, a pattern with `*`.

    Raises `UserError` where there is none, and for a path that leads elsewhere: folders of one name are copies.
    """
    name = PurePath(word).name
    if not name:
        raise UserError(f"{word!r} names no run: an identity does, or a folder")
    if PurePath(word) != PurePath(name) and Path(word).parent.resolve() != archive.runs.resolve():
        there = shlex.quote(str(Path(word).parent))
        raise UserError(f"{word} does not lie in {archive.runs}, whose runs are meant: paths.runs={there}")
    found = [entry for entry in archive.entries if entry.name == name]
    found = found or [
        entry for entry in archive.entries if entry.identity.startswith(word) or fnmatchcase(entry.name, name)
    ]
    if not found:
        if name in archive.damaged:
            raise UserError(f"{name} is left out: {archive.damaged[name]}")
        from henkan.config.explain import suggestion

        near = suggestion(word, [entry.identity[: len(word)] for entry in archive.entries])
        raise UserError(f"{archive.runs} holds no run {word!r}{near}: the beginning of an identity, or a folder")
    return found


def one_named(archive: Archive, word: str) -> Entry:
    """Return the one run that a word names. Raises `UserError` where there are several."""
    found = named(archive, word)
    if len(found) > 1:
        names = ", ".join(entry.name for entry in found[:4])
        raise UserError(f"{word!r} names {len(found)} runs ({names}{', …' if len(found) > 4 else ''}): say more of it")
    return found[0]


def better(archive: Archive, entries: Sequence[Entry], metric: str) -> str | None:
    """Return which way a metric is better, `higher` or `lower`, as the configs of runs say; None: they do not."""
    for entry in entries:
        if metric in entry.metrics:
            archive.read_settings([entry])
            settings = entry.settings or {}
            for name in (metric, metric.removesuffix(POST)):
                if settings.get(f"metric.{name}.better") in ("higher", "lower"):
                    return str(settings[f"metric.{name}.better"])
    return None


def way(entry: Entry, metric: str) -> str:
    """Return a short hash of how a run is scored: on which pictures, degraded how, by which metric.

    Of the pictures, the config and the contents that were learned from speak; the generator is not asked.
    """
    settings = entry.settings or {}
    parts = [(key, settings[key]) for key in scoring_keys(tuple(settings), metric.removesuffix(POST))]
    content = json.dumps([entry.record.get("manifest"), parts], default=str)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:6]


@lru_cache(maxsize=1024)
def scoring_keys(keys: tuple[str, ...], metric: str) -> list[str]:
    """Return those of a config's keys that scores by a metric depend on, in order; most configs have the same keys."""
    groups = ["evaluation", "postprocess", f"metric.{metric}", "data", "size"]
    # Scores are taken on another one where that is said.
    groups += [] if any(key.startswith("evaluation.degradation.") for key in keys) else ["degradation"]
    return sorted(
        key
        for key in keys
        if key not in UNSCORED and any(key == group or key.startswith(f"{group}.") for group in groups)
    )
