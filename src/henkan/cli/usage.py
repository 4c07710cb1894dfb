"""The help of henkan and of one verb, read from files alone: docstrings, root configs and the config tree."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from henkan.config.trees import config_folder, defaults, extended, group_options
from henkan.launching.execute import TRACEBACK
from henkan.launching.verbs import Verb

WIDTH = 110
FLAGS = """\
Flags (Hydra's own):
  -m, --multirun           one run for each combination of the values given: seed=0,1,2
  --cfg job                print the config instead of running; --resolve fills in what it refers to
  --info defaults          print where each part of the config comes from
  --config-dir DIR         one more folder of configs"""


def usage(verb: Verb) -> str:
    """Return the help of a verb."""
    parts = [f"henkan {verb.name}: {verb.help}" if verb.help else f"henkan {verb.name}"]
    if verb.composed:
        root = config_folder() / f"{verb.name}.yaml"
        parts.insert(1, f"usage: henkan {verb.name} [key=value | group=option | group=[option,option] ...] [flags]")
        parts += [describe_groups(root), describe_keys(root), FLAGS]
    return "\n\n".join(parts)


def describe_groups(root: Path) -> str:
    """List each group of the root's defaults with its default and its options."""
    lines = ["Groups (group=option; [several,options] where the default is a list):"]
    for group, default in defaults(root).items():
        options = ", ".join(group_options(group))
        chosen = ",".join(default) if isinstance(default, list) else default
        head = f"  {group:<15}"
        tail = "" if default is None else f"  (default {f'[{chosen}]' if isinstance(default, list) else chosen})"
        lines += textwrap.wrap(options + tail, WIDTH, initial_indent=head, subsequent_indent=" " * len(head))
    return "\n".join(lines)


def describe_keys(root: Path) -> str:
    """List the scalars of the root itself, with the comment above each."""
    lines = ["Keys (all of them: --cfg job):"]
    comment: list[str] = []
    parents: list[str] = []
    for line in root_lines(root):
        match = re.fullmatch(r"( *)(\w+): *(.*)", line)
        if line.lstrip().startswith("#"):
            comment.append(line.lstrip(" #"))
            continue
        if match:
            parents = [*parents[: len(match[1]) // 2], match[2]]
        if match and match[3] and parents[0] not in ("defaults", "hydra"):
            head = f"  {'.'.join(parents)}={match[3]}"
            indent = " " * 36
            words = textwrap.wrap(" ".join(comment), WIDTH - len(indent)) or [""]
            lines += [f"{head:<35} {words[0]}".rstrip(), *(indent + word for word in words[1:])]
        if not match or match[3]:
            comment = []
    return "\n".join(lines)


def root_lines(root: Path) -> list[str]:
    """Return the lines of a root config, those of the root that it extends first."""
    lines = root.read_text(encoding="utf-8").splitlines()
    body = lines[next((number for number, line in enumerate(lines) if line.startswith("defaults:")), 0) :]
    return [line for base in extended(root) for line in root_lines(base)] + body


def overview(known: dict[str, Verb]) -> str:
    """Return the help of `henkan` itself."""
    lines = [f"  {verb.name:<12}{verb.purpose}" for verb in known.values()]
    return "\n".join(
        [
            "henkan: experiments in learned image transformation",
            "",
            "usage: henkan <verb> [key=value | group=option ...]",
            "",
            *lines,
            "",
            "henkan <verb> --help   what it takes: groups, options, examples",
            'eval "$(henkan completion bash)"   completes verbs, groups, options and keys in this shell',
            f"{TRACEBACK}=1   shows the traceback of every error",
        ]
    )
