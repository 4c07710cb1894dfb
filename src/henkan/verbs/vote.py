"""Ask people which of two configurations' pictures is better, without telling them whose they are.

A study is named as `henkan study` has it, or by its folder. A page on this machine alone shows two outputs of the same
test picture side by side, in random order: ←, → or space (no difference). Each answer is kept at once in votes.jsonl
in the study's folder; the same command goes on with what this voter has not answered. `henkan report` then has the
strengths (Bradley-Terry, with intervals), and how often each metric prefers what people do. static=FILE.html writes the
page as one file for others, whose answers import=FILE.json checks and adds.

voter= (your login name), configurations=[…] (all), count= (of pairs, 60), seed= (0, of the order), port= (a free one).

  henkan vote mse_vs_gan
  henkan vote mse_vs_gan voter=ana 'configurations=[mse,adversarial 0.02]' count=100
  henkan vote outputs/runs/studies/mse_vs_gan-laptop static=vote.html
  henkan vote mse_vs_gan import=votes-mse_vs_gan-ben.json
"""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from henkan.config.settings import parsed
from henkan.config.values import Reader, word
from henkan.errors import UserError
from henkan.report.ballot import Ballot, Session, export
from henkan.report.opinion import in_words, opinion
from henkan.report.questions import drawn, imported, left_to_ask, named, pairs
from henkan.report.read import folder_of_study, read_study
from henkan.report.study import Study
from henkan.report.votes import read_votes


def number(key: str, value: Any) -> int:
    least, most = {"count": (1, 100_000), "port": (0, 65_535), "seed": (0, 2**32 - 1)}[key]
    if type(value) is not int or not least <= value <= most:
        raise UserError(f"{key}={value} must be a whole number from {least} to {most}")
    return value


def names(key: str, value: Any) -> list[str]:
    found = [str(one) for one in value] if isinstance(value, list) else []
    if len(set(found)) < 2:
        raise UserError(f"{key}={value} must be a list of two or more: {key}=[mse,gan]")
    return found


SETTINGS: Mapping[str, Reader] = {
    "voter": word,
    "configurations": names,
    "count": number,
    "seed": number,
    "port": number,
    "static": word,
    "import": word,
}


def main(arguments: list[str]) -> int:
    if not arguments or "=" in arguments[0]:
        raise UserError("name a study: henkan vote mse_vs_gan (a folder of experiments/, or the folder it writes into)")
    name, *words = arguments
    said = {one.partition("=")[0]: one for one in words if one.partition("=")[0] in SETTINGS}
    given = {key: SETTINGS[key](key, parsed(one, one.partition("=")[2])) for key, one in said.items()}
    study = read_study(folder_of_study(name, [one for one in words if one not in said.values()]))
    if "import" in given:
        fresh, count = imported(study, Path(given["import"]))
        print(f"{fresh} of {count} answers were new")
    else:
        ask(study, given)
    for title, part in study.sections.items():
        if (found := opinion(part)) is not None:
            print("\n".join([title, *in_words(found)] if title else in_words(found)))
    return 0


def whoever() -> str:
    """Return who is logged in. Raises `UserError` where the system has no name for them, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise UserError("this system has no name for you: say voter=NAME") from error


def ask(study: Study, given: Mapping[str, Any]) -> None:
    """Write the page, or serve it until Ctrl-C."""
    count, seed = given.get("count", 60), given.get("seed", 0)
    all_of_them = pairs(study, given.get("configurations", ()))
    if "static" in given:
        path = Path(given["static"])
        export(study, drawn(all_of_them, seed, "")[:count], path)
        print(f"{path}: {min(count, len(all_of_them))} pairs; henkan vote … import=FILE adds what it saves")
        return
    voter = named(given.get("voter") or whoever())
    asked = left_to_ask(drawn(all_of_them, seed, voter)[:count], read_votes(study.folder), voter)
    with Ballot(Session(study, asked, voter), given.get("port", 0)) as ballot:
        print(f"henkan: {len(asked)} pairs for {voter}; Ctrl-C ends\n{ballot.address}", flush=True)
        try:
            ballot.serve_forever()
        except KeyboardInterrupt:
            print()
