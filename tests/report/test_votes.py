"""What people have said of pictures: strengths against known ones, closed forms, agreement, the file."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from henkan.report.beside import Beside
from henkan.report.comparisons import compare
from henkan.report.opinion import PRIOR, agreements, bradley_terry, counted, fit, in_words, opinion, share_by_picture
from henkan.report.page import Part, render
from henkan.report.read import read_study
from henkan.report.votes import FILE, Vote, append, read_votes


def table(rows: list[tuple[str, str, str, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["picture", "left", "right", "share"])


def drawn(rng: np.random.Generator, strengths: np.ndarray, pictures: int, spread: float = 0.0) -> pd.DataFrame:
    """Votes on every pair on every picture, each side left as often; `spread`: how far pictures differ among them."""
    one, other = np.triu_indices(len(strengths), 1)
    gaps = np.tile(strengths[one] - strengths[other], (pictures, 1))
    gaps += rng.normal(0, spread, (pictures, 1)) * np.sign(gaps)
    won = rng.random(gaps.shape) < special.expit(gaps)
    rows = [
        (str(picture), str(one[k]), str(other[k]), float(won[picture, k]))
        if (picture + k) % 2
        else (str(picture), str(other[k]), str(one[k]), 1.0 - won[picture, k])
        for picture in range(pictures)
        for k in range(len(one))
    ]
    return table(rows)


def vote(**said: Any) -> Vote:
    base = {"pair": "p", "picture": "a", "seed": 0, "left": "mse", "right": "gan_0.002",
            "left_run": "0-0", "right_run": "0-1",
            "answer": "left", "voter": "ana", "time": "2026-11-26T10:00:00+00:00"}  # fmt: skip
    return {**base, **said}  # type: ignore[typeddict-item, return-value]


@pytest.mark.parametrize(("won", "lost", "tied"), [(30, 10, 0), (7, 5, 4), (12, 0, 0)])
def test_of_two_the_strength_is_the_log_odds(won: int, lost: int, tied: int) -> None:
    shares = [1.0] * won + [0.0] * lost + [0.5] * tied
    rows = [(str(number), "gan", "mse", share) for number, share in enumerate(shares)]
    base, gan = bradley_terry(table(rows), "mse")
    above, below = won + tied / 2 + PRIOR, lost + tied / 2 + PRIOR
    assert gan.value == pytest.approx(math.log(above / below), abs=1e-6)
    reach = math.sqrt(1 / above + 1 / below) * stats.t.ppf(0.975, len(rows) - 1)
    # One vote a picture scatters as the model says, or less.
    assert gan.high - gan.value == pytest.approx(reach, rel=0.05)
    assert (gan.won, gan.lost, gan.tied) == (won, lost, tied)
    assert (base.value, base.low, base.high, base.won) == (0.0, 0.0, 0.0, lost)
    # Turned round it says the same.
    turned = table([(picture, right, left, 1 - share) for picture, left, right, share in rows])
    assert bradley_terry(turned, "mse")[1].value == pytest.approx(gan.value, abs=1e-9)


def test_known_strengths_are_found() -> None:
    strengths = np.array([0.0, 0.8, -0.5, 2.0])
    found = {one.configuration: one for one in bradley_terry(drawn(np.random.default_rng(3), strengths, 1500), "0")}
    for number, strength in enumerate(strengths):
        assert found[str(number)].value == pytest.approx(strength, abs=0.15)
    assert [one.configuration for one in bradley_terry(drawn(np.random.default_rng(3), strengths, 400), "0")] == [
        "0", "3", "1", "2"
    ]  # fmt: skip


@pytest.mark.parametrize("spread", [0.0, 1.5])
def test_intervals_cover_what_they_say(spread: float) -> None:
    """Also where votes on one picture resemble each other, which the inverse of the information knows nothing of."""
    rng, strengths = np.random.default_rng(5), np.array([0.0, 0.7, -0.4])
    # The strengths that so many pictures would give.
    truth = {one.configuration: one.value for one in bradley_terry(drawn(rng, strengths, 3000, spread), "0")}
    inside = [
        one.low <= truth[one.configuration] <= one.high
        for _ in range(100)
        for one in bradley_terry(drawn(rng, strengths, 40, spread), "0")[1:]
    ]
    assert 0.92 <= np.mean(inside) <= 0.995


def test_what_nothing_connects_with_the_reference_is_left_out() -> None:
    rows = [("a", "gan", "mse", 1.0), ("b", "mse", "gan", 1.0), ("a", "x", "y", 1.0)]
    assert [one.configuration for one in bradley_terry(table(rows), "mse")] == ["mse", "gan"]
    assert bradley_terry(table(rows[2:]), "mse") == []


def test_the_fit_is_where_each_wins_as_often_as_expected() -> None:
    wins = np.array([[0, 3, 5], [6, 0, 2], [1, 4, 0]], float)
    strengths, information = fit(wins)
    chances = special.expit(strengths[:, None] - strengths)
    np.testing.assert_allclose(((wins + wins.T) * chances).sum(1), wins.sum(1), atol=1e-6)
    assert np.all(np.linalg.eigvalsh(information) > 0)


def test_a_share_has_wilsons_interval_and_a_wider_one_where_marks_of_a_picture_agree() -> None:
    marks = np.array([1.0] * 30 + [0.0] * 10)
    wilson = stats.binomtest(30, 40).proportion_ci(method="wilson")
    share, low, high = share_by_picture(marks, list(range(40)))
    # As independent as they can be, but for the finite number of pictures.
    assert share == 0.75
    assert (low, high) == pytest.approx((wilson.low, wilson.high), abs=0.005)
    _, wide, _ = share_by_picture(marks, [number // 10 for number in range(40)])
    assert wide < low - 0.05
    assert share_by_picture(np.ones(12), list(range(12))) == pytest.approx(
        (1.0, stats.binomtest(12, 12).proportion_ci(method="wilson").low, 1.0)
    )


def test_votes_are_kept_one_a_line_and_the_last_answer_counts(tmp_path: Path) -> None:
    append(tmp_path, [vote()])
    # A line that somebody was killed in the middle of.
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"pair": "p", "pict')
    turned = vote(left="gan", right="mse", left_run="0-1", right_run="0-0", answer="tie")
    append(tmp_path, [turned, vote(voter="ben"), vote(picture="b", answer="right")])
    append(tmp_path, [])
    assert len((tmp_path / FILE).read_bytes().splitlines()) == 5
    assert read_votes(tmp_path) == [turned, vote(voter="ben"), vote(picture="b", answer="right")]
    for bad in (vote(answer="up"), {"pair": 1}, []):
        (tmp_path / FILE).write_text(json.dumps(bad))
        assert read_votes(tmp_path) == []


def test_metrics_agree_with_people_as_far_as_they_do(make_study: Callable[..., Path]) -> None:
    folder = make_study(seeds=(0,), done=3, side=8, iterations=24)
    study = read_study(folder)
    mse, gan = study.runs[0], study.runs[1]
    assert mse.scores is not None
    assert gan.scores is not None
    both = [name for name in mse.picture_names if name in mse.scores.index]
    votes = []
    for number, name in enumerate(both):
        # As lite0_distance has it: lower is better. One tie.
        answer = "left" if mse.scores.loc[name, "lite0_distance"] < gan.scores.loc[name, "lite0_distance"] else "right"
        votes.append(vote(picture=name, answer="tie" if number == 0 else answer))
    append(folder, [*votes, vote(picture=both[1], left_run="of another study")])
    table = counted(study, read_votes(folder))
    assert len(table) == len(both)
    found = {one.metric: one for one in agreements(study, table)}
    assert (found["lite0_distance"].share, found["lite0_distance"].votes) == (1.0, len(both) - 1)
    better = [mse.scores.loc[name, "psnr"] > gan.scores.loc[name, "psnr"] for name in both[1:]]
    agree = [one == (each["answer"] == "left") for one, each in zip(better, votes[1:], strict=True)]
    assert found["psnr"].share == pytest.approx(np.mean(agree))
    # What has no direction prefers nothing, and a metric of whole sets no picture.
    assert not {"gradient_hole", "kid_lite0"} & set(found)


def test_the_page_says_what_people_prefer(make_study: Callable[..., Path]) -> None:
    folder = make_study(seeds=(0,), done=3, side=8, iterations=24)
    study = read_study(folder)
    assert opinion(study) is None
    rows = compare(study)
    assert "What people prefer" not in render(study, rows, [Part("", study, rows, None, [])], Beside(folder))
    names = study.runs[0].picture_names
    append(folder, [vote(picture=name, answer="right") for name in names])
    append(folder, [vote(voter="ben", answer="tie"), vote(left_run="x", right_run="y")])
    found = opinion(study)
    assert found is not None
    assert found.said == "13 votes of ana and ben on 13 pictures, with 1 tie"
    page = render(study, rows, [Part("", study, rows, None, [])], Beside(folder))
    assert "What people prefer" in page
    assert f"{found.said}." in page
    assert ">lite0_distance<" in page or "Lite0 distance</th><td>" in page
    assert "preferred to mse" in page
    # It sorts by the number, of which a percentage is shown.
    assert f'data-sort="{found.strengths[1].preferred[0]}"' in page
    assert any(line.startswith("  gan_0.002: 9") for line in in_words(found))


def test_what_nothing_connects_is_said_in_the_terminal_too(make_study: Callable[..., Path]) -> None:
    folder = make_study(seeds=(0,), done=3, side=8, iterations=24)
    study = read_study(folder)
    append(folder, [vote(picture=name, answer="right") for name in study.runs[0].picture_names])
    found = opinion(study)
    assert found is not None
    apart = dataclasses.replace(found, left_out=["gan_0.1"])
    assert in_words(apart) == [*in_words(found), "  nothing connects gan_0.1 with mse: not compared"]
