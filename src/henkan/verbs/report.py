"""Write what a study, or any runs, have found so far: one HTML page, tables and figures.

A study is named as `henkan study` has it; runs by their folders: runs themselves, a sweep's folder, a search's, a
folder of runs, patterns, several of these. Runs that differ in their seeds alone are one configuration; the first is
the baseline, unless --baseline names another. The page is small, and shows pictures from the folders that lie beside
it; --single-file writes another one that can be sent alone, with every picture in it. What a repository keeps of a
study makes its report anew, without curves and pictures: named by its folder of results, or by the study where it was
not run here; where it is the study of a search, that has its page too. --csv, --markdown and --latex print the table
for other programs. A search by itself has its own page: its best trials, the Pareto front, and scores over each
parameter.

  henkan report mse_vs_gan
  henkan report mse_vs_gan scale=smoke
  henkan report mse_vs_gan --single-file
  henkan report outputs/runs/studies/mse_vs_gan-laptop --publish experiments/mse_vs_gan/results
  henkan report experiments/mse_vs_gan/results
  henkan report outputs/runs/sweeps/2026-11-26_10-00-00 --baseline adversarial=0.001
  henkan report outputs/runs/searches/completion_balance-laptop-1a2b3c4d
  henkan report outputs/runs/glcic-* outputs/runs/searches/completion_balance-laptop-1a2b3c4d --latex
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from henkan.config.searches import TRIALS
from henkan.errors import UserError
from henkan.report.write import table, write_report


def by_name(name: str, overrides: Sequence[str]) -> Path:
    """Return the folder of the study of this name; where it was not run, of what its published results make."""
    from henkan.config.studies import read_study
    from henkan.report.published import rebuild, results_of
    from henkan.report.read import folder_of_study
    from henkan.report.words import listed
    from henkan.saying import say

    study = read_study(name, overrides)
    begun = study.begun
    if study.folder not in begun and not overrides and (results := results_of(str(study.file.parent))) is not None:
        if begun:
            say(f"this is what was published; begun here with other settings: {listed(map(str, begun))}")
        return rebuild(results)
    return folder_of_study(name, overrides)


def folder_of(words: Sequence[str], into: Path | None, baseline: str | None) -> Path:
    """Return the folder of the study that words name, or of the one that the runs they name are put together as."""
    from henkan.report.gathered import found, gather, is_gathered
    from henkan.report.published import SCORES, rebuild

    name, *rest = words
    if not rest and (Path(name) / SCORES).is_file():
        if baseline:
            raise UserError("--baseline is of runs: what is published has that of its study.yaml")
        return rebuild(Path(name), into)
    own = Path(name) / "study.json"
    if not rest and own.is_file() and not is_gathered(own.parent):
        if into or baseline:
            raise UserError("--into and --baseline are of runs: a study has its own folder, and baseline=NAME")
        return own.parent
    paths = [word for word in words if Path(word).exists() or "=" not in word]
    named = not Path(name).is_dir() or (Path(name) / "study.yaml").is_file()
    if named and found(name) is None and all("=" in word for word in rest):
        if into or baseline:
            raise UserError("--into and --baseline are of runs: a study has its own folder, and baseline=NAME")
        return by_name(name, rest)
    if len(paths) < len(words):
        others = [word for word in words if word not in paths]
        raise UserError(f"{' '.join(others)}: overrides choose a study by its name, and here are runs")
    return gather(paths, into, baseline)


def numbers(folder: Path, given: argparse.Namespace) -> str:
    """Return the table, as a person reads it or as it was asked for."""
    from henkan.report import comparisons, read, scores, tables

    study = read.read_study(folder)
    if given.csv:
        return scores.summary_table(comparisons.compare(study)).to_csv(index=False).rstrip()
    if given.markdown:
        return tables.markdown(study)
    return tables.latex(study) if given.latex else table(folder)


def of_search(folder: Path, given: argparse.Namespace) -> int:
    """Write the report of a search, print its best trials and the page."""
    import sys

    from henkan.report.searched import markdown, read_search, write_search
    from henkan.report.trials import read_trials

    if given.latex or given.publish or given.into or given.baseline:
        raise UserError(f"{folder} is a search, whose report lies in it: --csv and --markdown print its trials")
    path, found = write_search(folder), read_search(folder)
    if given.csv:
        print(read_trials(folder)[0].rstrip())
    else:
        print(markdown(found) if given.markdown else f"{markdown(found)}\n\n{found.sentence}")
    print(path, file=sys.stderr if given.csv or given.markdown else sys.stdout)
    return 0


def of_searches(folder: Path) -> list[Path]:
    """Write the pages of the searches that were rebuilt with a study, and return their paths."""
    from henkan.report.published import searches

    if not (found := searches(folder)):
        return []
    from henkan.report.searched import write_search

    return [write_search(place) for place in found]


def main(arguments: list[str]) -> int:
    """Write a report anew, print its table and the page; where another program reads the table, nothing else."""
    import sys

    parser = argparse.ArgumentParser(
        "henkan report", description="Write the report of a study, or of runs, as it stands."
    )
    parser.add_argument("words", nargs="+", metavar="STUDY|PATH", help="a study's name, with its overrides, or folders")
    parser.add_argument("--publish", type=Path, metavar="DIR", help="also write tables and figures for a repository")
    parser.add_argument("--into", type=Path, metavar="DIR", help="where the report of runs goes")
    parser.add_argument(
        "--baseline", metavar="NAME", help="of runs: the configuration that the others are compared with"
    )
    parser.add_argument("--single-file", action="store_true", help="also write a page with every picture in it")
    parser.add_argument("--page", action="store_true", help="leave scores.csv as it is, as while a study goes on")
    kinds = parser.add_mutually_exclusive_group()
    for kind in ("csv", "markdown", "latex"):
        kinds.add_argument(f"--{kind}", action="store_true", help=f"print the table as {kind}")
    given = parser.parse_intermixed_args(arguments)
    if len(given.words) == 1 and (Path(given.words[0]) / TRIALS).is_file():
        return of_search(Path(given.words[0]), given)
    folder = folder_of(given.words, given.into, given.baseline)
    path = write_report(folder, single=given.single_file, scores=not given.page)
    pages = [*of_searches(folder), path]
    if given.publish:
        from henkan.report.publish import publish

        publish(folder, given.publish)
    print(numbers(folder, given))
    print(*pages, sep="\n", file=sys.stderr if given.csv or given.markdown or given.latex else sys.stdout)
    return 0
