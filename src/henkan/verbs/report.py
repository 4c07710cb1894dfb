"""Write what a study has found so far: one HTML page, tables and figures.

henkan report mse_vs_gan
henkan report mse_vs_gan scale=smoke
henkan report outputs/runs/studies/mse_vs_gan-laptop --publish experiments/mse_vs_gan/results
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from henkan.errors import UserError
from henkan.report.write import publish, table, write_report


def by_name(name: str, overrides: Sequence[str]) -> Path:
    """Return the folder that the study of this name writes into."""
    from henkan.config.studies import read_study

    folder = read_study(name, overrides).folder
    if not (folder / "study.json").is_file():
        raise UserError(f"{folder} holds no study yet: henkan study {' '.join([name, *overrides])} begins it")
    return folder


def main(arguments: list[str]) -> int:
    """`henkan report STUDY [--publish DIR]`: write a study's report anew, print its table and the page."""
    import argparse

    parser = argparse.ArgumentParser("henkan report", description="Write the report of a study as it stands.")
    parser.add_argument("study", help="the study's name, or the folder that holds its study.json")
    parser.add_argument("overrides", nargs="*", help="with a name, what the study was started with: scale=smoke")
    parser.add_argument("--publish", type=Path, metavar="DIR", help="also write tables and figures for a repository")
    given = parser.parse_intermixed_args(arguments)
    folder = Path(given.study)
    if not (folder / "study.json").is_file():
        folder = by_name(given.study, given.overrides)
    path = write_report(folder)
    if given.publish:
        publish(folder, given.publish)
    print(table(folder))
    print(path)
    return 0
