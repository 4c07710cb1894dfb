"""How many pictures a page has, how small they are, and where it finds the others."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from henkan.errors import UserError
from henkan.files import digests
from henkan.report import page, pictures, thumbnails
from henkan.report.beside import Beside
from henkan.report.pairs import gained, pairs
from henkan.report.pictures import walls
from henkan.report.read import read_study
from henkan.report.write import SINGLE, write_report
from henkan.runs.record import write_record

MakeStudy = Callable[..., Path]


def full(html: str) -> list[str]:
    return [unquote(address) for address in re.findall(r'data-full="([^"]+)"', html)]


@pytest.fixture
def plain(make_study: MakeStudy) -> MakeStudy:
    """Return what makes a study that has nothing but scores and pictures: charts take long."""

    def make(**settings: Any) -> Path:
        folder = make_study(iterations=16, side=32, images=12, plane=None, **settings)
        for log in folder.glob("runs/*/metrics.csv"):
            log.unlink()
        return folder

    return make


def heavy(folder: Path, monkeypatch: pytest.MonkeyPatch, small: int = 3000) -> str:
    """Write the report of a study as though its pictures were too many, and too large to be as they are."""
    monkeypatch.setattr(pictures, "WHOLE_BYTES", 0)
    monkeypatch.setattr(pictures, "SMALL", small)
    monkeypatch.setattr(thumbnails, "SIDE", 8)
    return write_report(folder).read_text()


def test_few_pictures_are_in_the_page_with_every_pixel(plain: MakeStudy) -> None:
    folder = plain(done=3)
    html = write_report(folder).read_text()
    assert full(html) == [] and "image/webp" not in html
    first = (folder / "runs/0-0/pictures/00_output.png").read_bytes()
    assert thumbnails.data(first, "png") in html
    images = re.findall(r"<img [^>]*src=\"data[^>]*>", html)
    assert len(images) == 60 and all('loading="lazy"' in image for image in images)


def test_of_many_small_ones_are_and_the_whole_ones_are_linked_where_they_lie(
    plain: MakeStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = plain(seeds=(0, 1), done=6)
    html = heavy(folder, monkeypatch)
    addresses = full(html)
    assert len(addresses) == 12 * 5 * 2 and html.count("data:image/webp") == 12 * 5 * 2
    assert "runs/0-0/pictures/00_source.png" in addresses and not (folder / "pictures").exists()
    assert all((folder / address).is_file() for address in addresses)


def test_where_there_is_no_room_for_all_the_rest_is_shown_from_the_runs(
    plain: MakeStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = plain(seeds=(0, 1), done=6)
    html = heavy(folder, monkeypatch, small=20)
    # Four rows of one seed; of the others none.
    assert len(full(html)) == 20
    told = [json.loads(text) for text in re.findall(r'<script type="application/json">(\{.*?\})</script>', html)]
    assert [len(one["rows"]) for one in told] == [8, 12]
    for one in told:
        for column in one["columns"]:
            for stem, name in one["rows"]:
                assert (folder / f"{column[0]}{stem}{column[1]}").is_file() and name.startswith("color/svg/")


def test_a_page_elsewhere_brings_the_pictures_of_its_rows(
    plain: MakeStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = plain(done=3, seeds=(0,))
    moved = tmp_path / "moved"
    moved.mkdir()
    plan = json.loads((folder / "study.json").read_text())
    plan["runs"] = [run | {"folder": f"../{run['folder']}"} for run in plan["runs"]]
    (moved / "study.json").write_text(json.dumps(plan))
    html = heavy(moved, monkeypatch, small=20)
    addresses = full(html)
    assert len(addresses) == 20 and all(address.startswith("pictures/0-") for address in addresses)
    for address in addresses:
        _, run, name = address.split("/")
        assert os.path.samefile(moved / address, folder / "runs" / run / "pictures" / name)
    assert "8 more pictures lie in the runs" in html
    # What is not shown any more is not there any more.
    heavy(moved, monkeypatch, small=10)
    assert len(list(moved.glob("pictures/*/*.png"))) == 10


def test_a_single_file_has_everything_and_names_nothing_beside_it(
    plain: MakeStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = plain(done=3)
    monkeypatch.setattr(pictures, "WHOLE_BYTES", 0)
    path = write_report(folder, single=True)
    html = path.read_text()
    assert path.name == SINGLE and (folder / "report.html").is_file()
    assert full(html) == [] and html.count("data:image/png") == 60
    assert not re.findall(r'href="(?!#|data:)', html)
    monkeypatch.setattr(pictures, "SINGLE_BYTES", 1000)
    with pytest.raises(UserError, match=r"the pictures are 0\.0 GB, and no browser opens .*: send .* instead"):
        write_report(folder, single=True)


def test_a_page_is_small_whatever_is_in_its_study(plain: MakeStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = plain(done=3, seeds=(0,))
    whole = len(heavy(folder, monkeypatch))
    monkeypatch.setattr(page, "PAGE_BYTES", whole - 5_000)
    html = heavy(folder, monkeypatch)
    assert whole - 20_000 < len(html) <= whole - 5_000 and 0 < len(full(html)) < 60


def test_charts_that_a_page_has_no_room_for_are_shown_from_their_files(
    make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_study(iterations=60, side=8, images=2, done=3, seeds=(0,))
    monkeypatch.setattr(page, "CHART_BYTES", 30_000)
    html = write_report(folder).read_text()
    shown = re.findall(r'<img src="(figures/\w+\.svg)"', html)
    assert 0 < len(shown) < 10 and all((folder / name).is_file() for name in shown)


def test_links_lead_to_the_runs(plain: MakeStudy) -> None:
    folder = plain(done=3)
    odd = folder / "runs" / "a=b +#%"
    (folder / "runs/0-0").rename(odd)
    plan = json.loads((folder / "study.json").read_text())
    plan["runs"][0]["folder"] = "runs/a=b +#%"
    (folder / "study.json").write_text(json.dumps(plan))
    html = write_report(folder).read_text()
    links = re.findall(r'<a href="(runs/[^"]+)"', html)
    # Three that are done and the one that runs; others have no folder yet.
    assert len(links) == 4 and all((folder / unquote(link)).is_dir() for link in links)
    assert links[0] == "runs/a%3Db%20%2B%23%25/"


@pytest.mark.parametrize(
    ("place", "run", "held", "address"),
    [
        ("runs/studies/one", "runs/a-1", True, "../../a-1"),
        ("runs/sweeps/two", "runs/a-1", True, "../../a-1"),
        ("elsewhere/page", "elsewhere/page/runs/a", True, "runs/a"),
        ("elsewhere/page", "runs/a", False, "../../runs/a"),
    ],
)
def test_what_goes_with_a_page(place: str, run: str, held: bool, address: str, tmp_path: Path) -> None:
    for name in (place, run):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    beside = Beside(tmp_path / place)
    assert beside.holds(tmp_path / run) == held and beside.address(tmp_path / run) == address


def test_pictures_of_two_runs_of_one_name_do_not_mix(tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    beside = Beside(tmp_path / "page")
    for number, place in enumerate(("one", "two")):
        (tmp_path / place / "run" / "pictures").mkdir(parents=True)
        (tmp_path / place / "run" / "pictures" / "00_output.png").write_bytes(bytes([number]))
    addresses = [beside.picture(tmp_path / place / "run" / "pictures" / "00_output.png") for place in ("one", "two")]
    assert len(set(addresses)) == 2
    assert [(tmp_path / "page" / address).read_bytes() for address in addresses] == [b"\0", b"\1"]


def test_a_picture_that_was_edited_since_is_not_shown(plain: MakeStudy) -> None:
    folder = plain(done=3)
    run = folder / "runs" / "0-1"
    record = json.loads((run / "run.json").read_text())
    write_record(run, {**record, "digests": digests(run, ("scores.csv", "pictures/*"))})
    Image.new("RGB", (16, 16), "red").save(run / "pictures" / "03_output.png")
    html = write_report(folder).read_text()
    assert html.count('class="absent">not yet') == 1
    assert "not counted: pictures/03_output.png of 0-1" in html


def test_a_small_picture_is_small_and_one_that_is_so_already_is_itself(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (8, 8, 3), np.uint8).repeat(40, 0).repeat(30, 1)
    Image.fromarray(pixels).save(tmp_path / "a.png", compress_level=0)
    small = thumbnails.small(tmp_path / "a.png")
    assert small.startswith("data:image/webp;base64,") and len(small) < 4000
    Image.new("L", (20, 20), 7).save(tmp_path / "b.png")
    assert thumbnails.small(tmp_path / "b.png") == thumbnails.whole(tmp_path / "b.png")


def test_the_best_the_worst_and_the_most_different_pictures(plain: MakeStudy) -> None:
    study = read_study(plain(done=3))
    (first, *_) = walls(study)
    numbers = first.numbers
    found = {(pair.one, pair.other): pair for pair in pairs(study, first.runs, first.reference, numbers, compare=True)}
    # Three configurations, all with all; the gradient has no side that is better.
    assert list(found) == [("mse", "gan_0.002"), ("mse", "gan_0.02"), ("gan_0.002", "gan_0.02")]
    # The page opens with what differs most, of two that have learned: what has not has no seed.
    assert found["mse", "gan_0.002"].groups[0].title == "most different outputs"
    assert all(pair.apart > 0 for pair in found.values()) and first.runs["mse"] is not None
    without = {**first.runs, "mse": replace(first.runs["mse"], seed=None)}
    of_none = {
        (pair.one, pair.other): pair.apart for pair in pairs(study, without, first.reference, numbers, compare=True)
    }
    assert of_none["mse", "gan_0.02"] == 0 and of_none["gan_0.002", "gan_0.02"] > 0
    groups = {group.title: group.choices for group in found["mse", "gan_0.02"].groups}
    assert len(groups) == 5 and all(len(choices) == 3 for choices in groups.values())
    ours, theirs = (study.scores(name, "psnr_hole")[0] for name in ("gan_0.02", "mse"))
    gain = (ours - theirs).iloc[: len(numbers)]
    best = groups["gan_0.02 at its best against mse, by PSNR in the hole"]
    assert best[0].number == int(np.argmax(gain)) and best[0].said == f"{gain.max():+.3g} dB".replace("-", "−")
    worst = groups["gan_0.02 at its worst against mse, by PSNR in the hole"]
    assert worst[0].number == int(np.argmin(gain))
    # Of a metric of which less is better, less is a gain.
    run, other = (first.runs[name] for name in ("mse", "gan_0.02"))
    assert run is not None and other is not None
    names = dict(enumerate(run.picture_names))
    gains = gained(study, run, other, "lite0_distance", names)
    less = study.scores("mse", "lite0_distance")[0] - study.scores("gan_0.02", "lite0_distance")[0]
    assert list(gains.values()) == pytest.approx(less.iloc[: len(numbers)].to_numpy())
    assert gained(study, run, other, "gradient_hole", names) == {}
    apart = []
    for number in numbers:
        one, two = (run.picture(number, "output") for run in (run, other))
        assert one is not None and two is not None
        apart.append(abs(np.asarray(Image.open(one), float) - np.asarray(Image.open(two), float)).mean())
    assert groups["most different outputs"][0].number == int(np.argmax(apart))


def test_names_in_data_for_scripts_are_text(plain: MakeStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = ["</script><script>alert(1)</script>", "' onerror='x", "<img src=x>"]
    nodes = {name: {"variant": name, "overrides": []} for name in odd}
    folder = plain(configurations=nodes, baseline=odd[0], done=3, seeds=(0,))
    for run in folder.glob("runs/*"):
        if (run / "pictures").is_dir():
            names = [f"</script><b>{number}" for number in range(12)]
            (run / "pictures" / "index.json").write_text(json.dumps(names))
    html = heavy(folder, monkeypatch, small=10)
    assert "<script>alert" not in html and "<b>0" not in html and "<img src=x" not in html
    assert html.count("<script") == html.count("</script>") == 4 + 2
    (told,) = [json.loads(text) for text in re.findall(r'json">(\{"columns.*?\})</script>', html)]
    assert told["rows"][0][1].startswith("</script><b>")


def test_what_is_in_one_row_is_one_picture_whatever_its_number(plain: MakeStudy) -> None:
    """A run that was scored again with fewer pictures kept numbers them otherwise; of another set there are none."""
    folder = plain(done=3)
    (mse, gan, other) = (read_study(folder).belonging(0)[name] for name in ("mse", "gan_0.002", "gan_0.02"))
    names = mse.picture_names
    (gan.folder / "pictures" / "index.json").write_text(json.dumps([names[3], "another", names[0]]))
    (other.folder / "pictures" / "index.json").write_text(json.dumps([f"of another set {name}" for name in names]))
    study = read_study(folder)
    runs = study.belonging(0)
    mse, gan, other = (runs[name] for name in ("mse", "gan_0.002", "gan_0.02"))
    assert gan.picture_like(mse, 0, "output") == gan.folder / "pictures" / "02_output.png"
    assert gan.picture_like(mse, 3, "output") == gan.folder / "pictures" / "00_output.png"
    assert gan.picture_like(mse, 1, "output") is None and other.picture_like(mse, 0, "output") is None
    told = pairs(study, runs, mse, list(mse.pictures), compare=True)
    apart = [group for pair in told for group in pair.groups if group.title == "most different outputs"]
    assert {pair.other for pair in told if pair.apart} == {"gan_0.002"} and len(apart) == 1
    assert {choice.number for choice in apart[0].choices} <= {0, 3}
