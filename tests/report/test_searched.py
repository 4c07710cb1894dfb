"""The report of a search, of its trials.csv."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from henkan.config.searches import ASKED, TRIALS
from henkan.errors import UserError
from henkan.files import digest_of, write_sealed
from henkan.report.searched import markdown, read_search, write_search
from henkan.report.trials import AGAIN
from henkan.verbs.report import main


def search(folder: Path, several: bool, count: int = 24) -> Path:
    random = np.random.default_rng(0)
    weight = 10 ** random.uniform(-4, -1, count)
    psnr, distance = 24 - 20 * weight + random.normal(0, 0.1, count), 0.5 - 2 * weight + random.normal(0, 0.02, count)
    table = pd.DataFrame({"trial": range(count), "val/psnr": psnr})
    if several:
        table["val/lite0_distance"] = distance
    table["weights.adversarial"], table["loss"], table["size"] = (
        weight,
        ["[mse]", "[mse,adversarial]"] * (count // 2),
        64,
    )
    table["status"] = ["done"] * (count - 3) + ["stopped", "failed", "running"]
    table.loc[table["status"] != "done", ["val/psnr", *(["val/lite0_distance"] if several else [])]] = np.nan
    if several:
        beaten = [
            ((psnr > p) & (distance < d) & (table["status"] == "done")).any()
            for p, d in zip(psnr, distance, strict=True)
        ]
        table["front"] = [int(not one and state == "done") for one, state in zip(beaten, table["status"], strict=True)]
    table["error"] = [None] * (count - 2) + ["loss/mse is NaN at <b>12</b>", None]
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "trials.csv", index=False)
    return folder


def test_of_one_objective_the_best_is_told_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = search(tmp_path / "balance-laptop", several=False)
    assert main([str(folder)]) == 0
    printed = capsys.readouterr().out
    table = pd.read_csv(folder / "trials.csv")
    best = table.loc[table["val/psnr"].idxmax()]
    told = f"Best by PSNR (higher is better), in validation: trial {best['trial']} with {best['val/psnr']:.4g}."
    assert f"24 trials: 21 done, 1 stopped, 1 failed, 1 running. {told}" in printed
    assert printed.splitlines()[2].startswith(f"| {best['trial']} |") and printed.endswith(
        f"{folder / 'report.html'}\n"
    )
    # What had one value only was not searched.
    assert read_search(folder).parameters == ["weights.adversarial", "loss"]
    page = (folder / "report.html").read_text()
    assert told in page and "&lt;b&gt;12&lt;/b&gt;" in page and "data:image/png;base64," in page
    assert np.asarray(Image.open(folder / "search.png").convert("L")).std() > 5


def test_of_several_objectives_there_is_the_front(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = search(tmp_path / "balance-laptop", several=True)
    table = pd.read_csv(folder / "trials.csv")
    found = read_search(folder)
    assert set(found.best["trial"]) == set(table.loc[table["front"] == 1, "trial"])
    # By the first objective, the front first.
    assert (
        found.scored["trial"].tolist()[: len(found.best)]
        == found.best.sort_values("val/psnr", ascending=False)["trial"].tolist()
    )
    assert "On the Pareto front of PSNR (higher is better) and Lite0 distance (lower is better)" in found.sentence
    assert main([str(folder), "--markdown"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| trial | PSNR | Lite0 distance | weights.adversarial | loss |" and len(lines) == 22
    assert main([str(folder), "--csv"]) == 0
    assert capsys.readouterr().out.splitlines() == (folder / "trials.csv").read_text().splitlines()


def test_before_a_trial_has_a_score(tmp_path: Path) -> None:
    table = pd.read_csv(search(tmp_path, several=True) / "trials.csv")
    table["status"], table["front"] = "running", 0
    table.to_csv(tmp_path / "trials.csv", index=False)
    assert "None has a score yet." in write_search(tmp_path).read_text() and not (tmp_path / "search.png").exists()


@pytest.mark.parametrize("content", ["", "trial,status\n0,done\n", "val/psnr\n1\n"])
def test_what_is_no_search_is_one_line(content: str, tmp_path: Path) -> None:
    (tmp_path / "trials.csv").write_text(content)
    with pytest.raises(UserError, match="henkan search writes it again"):
        write_search(tmp_path)


def test_no_bit_of_what_a_search_has_written_changes_in_silence(tmp_path: Path) -> None:
    folder = search(tmp_path, several=False)
    write_sealed(folder / ASKED, {"val/psnr": "lower", TRIALS: [digest_of(folder / TRIALS)]})
    best = read_search(folder).best
    for name, stride in ((TRIALS, 97), (ASKED, 1)):
        content = (folder / name).read_bytes()
        for bit in range(0, 8 * len(content), stride):
            flipped = bytearray(content)
            flipped[bit // 8] ^= 1 << bit % 8
            (folder / name).write_bytes(flipped)
            try:
                found = read_search(folder)
            except UserError as error:
                assert name in str(error) and str(error).endswith(AGAIN)
            else:
                # Only what says nothing may be another, as a blank between two lines.
                assert name == ASKED and found.best.equals(best) and found.goal("val/psnr") == "lower"
        (folder / name).write_bytes(content)
    (folder / TRIALS).write_text((folder / TRIALS).read_text().replace("[mse]", "[l1]"))
    with pytest.raises(UserError, match="edited or damaged"):
        main([str(folder), "--csv"])


def test_null_is_a_choice_as_any_other(tmp_path: Path) -> None:
    folder = search(tmp_path, several=False)
    table = pd.read_csv(folder / TRIALS)
    table["clip"] = ["null", "1.0"] * (len(table) // 2)
    table.loc[0, "val/psnr"] = 90.0
    table.to_csv(folder / TRIALS, index=False)
    found = read_search(folder)
    assert found.best["clip"].tolist() == ["null"] and "clip" in found.parameters
    assert "| null |" in markdown(found)


def test_what_a_search_has_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a search"):
        main([str(search(tmp_path, several=False)), "--latex"])


def test_what_the_search_was_told_is_better_counts(tmp_path: Path) -> None:
    folder = search(tmp_path / "balance-laptop", several=False)
    table = pd.read_csv(folder / "trials.csv")
    write_sealed(folder / ASKED, {"val/psnr": "lower"})
    found = read_search(folder)
    assert found.goal("val/psnr") == "lower" and found.goal("val/ssim") == "higher"
    assert found.best["trial"].tolist() == [table.loc[table["val/psnr"].idxmin()]["trial"]]
