"""Every command of README, docs/ and the studies' pages parses; the slow test composes each."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest
import study_pages
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from written import PAGES, ROOT, Command, blocks, commands, name_of, of_henkan

from henkan.archive.query import condition
from henkan.config.composition import compose_root
from henkan.config.overrides import check_types
from henkan.config.quoting import quoted
from henkan.config.searches import SEARCH, read_search
from henkan.config.studies import STUDY, read_study
from henkan.config.trees import config_folder, group_options, groups
from henkan.launching.verbs import verbs
from henkan.starting.start import KINDS
from henkan.verbs import runs as runs_verb

CONF = config_folder()
FLAGS = {"-m", "--multirun", "--help", "--dry-run", "--version"}
REPORT = {"--single-file", "--latex", "--csv", "--markdown", "--publish", "--into", "--baseline"}
# Commands of other programs that may stand unmarked, and what makes them true.
OTHERS = re.compile(
    r"pip install uv|uv run pytest|uv run mkdocs (serve|build)( --strict)?|uv run lint-imports|eval .*"
    r"|bash \.ci/(run|versions)"
    r"|\{ \[ \$\? -eq 138 \]|scontrol requeue .*"
)


def written() -> list[Command]:
    return [command for page in PAGES for command in commands(page) if command.why is None]


def composed(verb: str, rest: Iterable[str]) -> tuple[str, list[str]] | None:
    """Return the root and the overrides that a command composes, if it does."""
    words = [word for word in rest if "=" in word or word.startswith("~")]
    if verb == "check":
        return "train", words
    return (verb, words) if verbs()[verb].composed else None


@cache
def all_groups() -> frozenset[str]:
    return frozenset(groups())


@cache
def options(group: str) -> frozenset[str]:
    return frozenset(group_options(group))


@cache
def known() -> frozenset[str]:
    """Every key that a file of the config tree has, by the place where it stands in a config."""
    found: set[str] = set()
    for file in CONF.rglob("*.yaml"):
        text = file.read_text(encoding="utf-8")
        group = file.parent.relative_to(CONF).as_posix().replace("/", ".")
        place = "" if group == "." or "# @package _global_" in text else f"{group}."
        found |= {place + key for key in paths(yaml.safe_load(text))}
    return frozenset(found)


def paths(node: object, prefix: str = "") -> Iterable[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            if prefix or name not in ("defaults", "hydra"):
                yield f"{prefix}{name}"
                yield from paths(value, f"{prefix}{name}.")


def unknown(override: Override) -> str | None:
    """Return what an override names that there is not, by the files of the config tree alone."""
    key = override.key_or_group
    names = all_groups()
    if override.is_add() or key.split(".")[0] == "hydra" or key.startswith("hydra/"):
        return None
    if key in names:
        said = override.value() if not override.is_sweep_override() else list(override.sweep_string_iterator())
        chosen = said if isinstance(said, list) else [said]
        wrong = [option for option in chosen if option is not None and str(option) not in options(key)]
        return f"no option {wrong} of {key}" if wrong else None
    parts = key.split(".")
    for number, part in enumerate(parts):
        # Of a group that stands elsewhere too, as in evaluation.degradation.only.
        if (not number or part in names) and ".".join(parts[number:]) in known():
            return None
    return f"no key {key}"


def wrong(command: Command) -> str | None:
    """Return what is wrong with a command, without composing anything."""
    line = " ".join(command.words)
    found = of_henkan(command.words)
    if found is None:
        if OTHERS.fullmatch(line):
            return None
        script = re.match(r"(?:uv run )?python (\S+\.py)", line)
        if script:
            return None if (ROOT / script[1]).is_file() else f"there is no {script[1]}"
        return "is no command of henkan's: mark why it is not run"
    if not found or found[0] in FLAGS:
        return None
    verb, rest = found[0], found[1:]
    if verb not in verbs():
        return f"there is no verb {verb}"
    if not rest:
        return None
    if (parts := composed(verb, rest)) is not None:
        flags = [word for word in rest if "=" not in word and word not in FLAGS and not word.startswith("~")]
        if flags and flags != ["--cfg", "job"]:
            return f"takes no {flags}"
        parsed = OverridesParser.create().parse_overrides(quoted(parts[1]))
        return next(filter(None, map(unknown, parsed)), None)
    if verb == "study":
        given = read_study(rest[0], [word for word in rest[1:] if word not in FLAGS]).given
        return next(filter(None, map(unknown, OverridesParser.create().parse_overrides(quoted(given)))), None)
    if verb == "search":
        read_search(rest[0], [word for word in rest[1:] if word not in FLAGS])
        return None
    if verb in ("vote", "dashboard", "wandb-sweep"):
        read_study(rest[0], [])
        return None
    if verb == "runs":
        given, words = runs_verb.parse(list(rest))
        for word in words:
            condition(word)
        return None
    if verb == "report":
        strange = [word for word in rest if word.startswith("--") and word not in REPORT]
        return f"takes no {strange}" if strange else None
    if verb == "sync":
        strange = [word for word in rest if word.startswith("--") and word not in FLAGS]
        return f"takes no {strange}" if strange else None
    if verb == "new":
        return None if len(rest) == 2 and rest[0] in KINDS else f"takes no {rest}"
    if verb == "zoo":
        return None if rest[0] == "build" or len(rest) == 1 else f"takes no {rest}"
    if verb == "weights":
        fits = not rest or rest[0] == "add" or rest[0].startswith("paths.weights=")
        return None if fits else f"takes no {rest}"
    assert verb == "completion", f"this test knows nothing of henkan {verb}"
    return None if rest[0] in ("bash", "zsh") else f"takes no {rest}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_parses(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    told = {command.place: wrong(command) for command in commands(page) if command.why is None}
    assert not {place: why for place, why in told.items() if why}


def test_a_wrong_command_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for words, why in (
        ("henkan teach experiment=glcic", "no verb"),
        ("henkan train experiment=glicc", "no option"),
        ("henkan train loss=[mse,mes]", "no option"),
        ("henkan train optimizer.generator.rate=1", "no key"),
        ("henkan predict run=RUN input=photo.jpg masks=a.png", "no key"),
        ("henkan report mse_vs_gan --pdf", "takes no"),
        ("curl -O photo.jpg", "mark why"),
        ("uv run python benchmarks/nothing.py", "there is no"),
    ):
        assert why in (wrong(Command("here", tuple(words.split()))) or ""), words


def test_commands_of_pages_that_are_made_parse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    page = tmp_path / "networks.md"
    page.write_text(study_pages.pages()["zoo/index.md"])
    found = commands(page)
    assert ("henkan", "serve") in [command.words for command in found]
    assert not {command.place: why for command in found if (why := wrong(command))}


def test_extras_that_pages_name_are_there() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for page in PAGES:
        for named in re.findall(r"henkan\[([\w,]+)\]", page.read_text(encoding="utf-8")):
            assert set(named.split(",")) <= set(extras), f"{name_of(page)}: henkan[{named}]"


def test_there_are_commands() -> None:
    assert len([command for command in written() if of_henkan(command.words)]) > 120


def test_readme_begins_with_the_two_commands() -> None:
    (first, *_) = blocks(ROOT / "README.md")
    assert first.lines == [
        "pip install uv && uv run henkan study sr_mse_vs_gan",
        "pip install uv && uv run pytest",
    ]


@pytest.mark.parametrize("page", [page for page in PAGES if page.is_relative_to(ROOT / "docs")], ids=name_of)
def test_what_a_page_writes_as_study_yaml_can_be_read(page: Path, tmp_path: Path) -> None:
    for block in blocks(page):
        said = yaml.safe_load("\n".join(block.lines)) if block.language == "yaml" else {}
        for kind, needed in (("study", "variants"), ("search", "space")):
            if {"recipe", needed} <= set(said):
                (tmp_path / f"{kind}.yaml").write_text("\n".join(block.lines))
                many = (read_study if kind == "study" else read_search)(str(tmp_path / f"{kind}.yaml"), [])
                assert many.recipe
                assert set(said) <= set((STUDY if kind == "study" else SEARCH).readers)


@pytest.mark.slow
def test_every_command_composes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("BSDS500", "bsds500")
    failed = {}
    seen = set()
    for command in written():
        found = of_henkan(command.words)
        parts = composed(found[0], found[1:]) if found and found[0] in verbs() else None
        if parts is None or (parts[0], *parts[1]) in seen:
            continue
        seen.add((parts[0], *parts[1]))
        parsed = OverridesParser.create().parse_overrides(quoted(parts[1]))
        words = [
            f"{one.key_or_group}={next(one.sweep_string_iterator())}" if one.is_sweep_override() else one.input_line
            for one in parsed
        ]
        try:
            check_types(compose_root(parts[0], words), words, parts[0])
        except Exception as error:  # every kind of failure is told of
            failed[command.place] = str(error).partition("\n")[0]
    assert not failed
