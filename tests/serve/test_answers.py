"""What the page is answered: pictures of tiny networks, and one line for all that is wrong."""

from __future__ import annotations

import io
import json
import struct
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_model import write_model, write_trained
from tiny_page import body, get, line, noise, page, pixels, png, post
from tiny_program import write_program

from henkan.config.trees import config_folder
from henkan.errors import UserError
from henkan.serve import answers as module
from henkan.serve.answers import Answers, Request
from henkan.serve.choices import Shelf, short
from henkan.zoo import networks

SIDE = (37, 45)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    folder = tmp_path_factory.mktemp("models")
    files = [write_model(folder / f"{task}.safetensors", task) for task in ("completion", "colorization")]
    return page(f"models=[{files[0]},{files[1]}]")


def number(answers: Answers, name: str) -> int:
    return next(k for k, choice in enumerate(answers.offered) if choice.name == name)


def test_what_is_named_comes_first_with_the_methods_of_its_tasks(answers: Answers) -> None:
    offer = json.loads(get(answers, "/offer.json").body)["tasks"]
    assert list(offer) == ["completion", "colorization"]
    names = {task: [choice["name"] for choice in own["choices"]] for task, own in offer.items()}
    assert names == {"completion": ["completion", "telea", "patchmatch"], "colorization": ["colorization", "levin"]}
    assert [choice["asked"] for choice in offer["completion"]["choices"]] == [True, False, False]
    assert "brush" in offer["completion"]["tools"] and offer["colorization"]["tools"] == ["point", "stroke"]
    assert short("outputs/runs/RUN") == "RUN" and short("a/b.safetensors") == "b"


def test_without_a_name_the_zoo_and_what_learns_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "FOLDER", tmp_path)
    bare = page()
    assert {choice.name for choice in bare.offered} >= {"telea", "patchmatch", "levin", "bicubic", "dark_channel"}
    assert not bare.shelf.loaded, "nothing is loaded before it is asked for"
    write_model(tmp_path / "lines.safetensors", "line_drawing")
    first = page().offered[0]
    assert (first.name, first.task, first.asked) == ("lines", "line_drawing", False)


def test_where_many_wait_nothing_is_loaded_beforehand(answers: Answers) -> None:
    own = Answers(answers.cfg, answers.offered, Shelf(12))
    own.line.places = 1
    with own.line.turn(lambda: False):
        own.warm()
    assert not own.shelf.loaded and not len(own.line)


def test_what_is_brushed_goes_and_all_else_stays(answers: Answers) -> None:
    picture, mask = noise((*SIDE, 3)), np.zeros(SIDE, np.uint8)
    mask[10:22, 14:29] = 255
    for name in ("completion", "telea"):
        answer = post(
            answers, "/make", body({"choice": number(answers, name)}, {"picture": png(picture), "mask": png(mask)})
        )
        made = pixels(answer)
        assert np.array_equal(made[mask == 0], picture[mask == 0]) and (made[mask > 0] != picture[mask > 0]).any()
        assert float(answer.headers["X-Seconds"]) > 0
    # The hole is made wider, and what fills it blended at its edge; no further than the page allows.
    files = {"picture": png(picture), "mask": png(mask)}
    made = pixels(post(answers, "/make", body({"choice": number(answers, "telea"), "grow": 4, "feather": 2}, files)))
    changed = np.flatnonzero((made != picture).any(axis=(1, 2)))
    assert changed.min() >= 6 and changed.max() <= 25 and (made[6:9] != picture[6:9]).any()
    for wrong in (-1, 201, 1.5, "4", True):
        assert line(post(answers, "/make", body({"choice": 0, "grow": wrong}, files)))[0] == 400
    nothing = body({"choice": 0}, {"picture": png(picture), "mask": png(np.zeros(SIDE, np.uint8))})
    assert "mask" in line(post(answers, "/make", nothing))[1]


def test_points_and_strokes_of_color(answers: Answers) -> None:
    grey = np.repeat(noise(SIDE)[..., None] // 2 + 60, 3, axis=2)
    picture, choice = png(grey), number(answers, "levin")
    plain = {"choice": choice, "points": [[20, 12, "#c04020"]]}
    red = pixels(post(answers, "/make", body(plain, {"picture": picture})))
    assert red[12, 20, 0] > red[12, 20, 2] + 30
    layer = np.zeros((*SIDE, 4), np.uint8)
    layer[20:30, 6:16] = (30, 60, 200, 255)
    blue = pixels(post(answers, "/make", body({"choice": choice}, {"picture": picture, "scribble": png(layer)})))
    assert blue[25, 10, 2] > blue[25, 10, 0] + 30
    # A network that was trained with points heeds them; one of which a task takes none does without.
    own = number(answers, "colorization")
    with_points = pixels(post(answers, "/make", body({**plain, "choice": own}, {"picture": picture})))
    assert not np.array_equal(with_points, pixels(post(answers, "/make", body({"choice": own}, {"picture": picture}))))
    styled = post(
        answers, "/make", body({**plain, "choice": own}, {"picture": picture, "style": png(noise((9, 9, 3)))})
    )
    assert styled.headers["X-Note"] == "takes%20no%20style" and np.array_equal(pixels(styled), with_points)


def test_a_network_is_given_what_it_takes_of_points_and_style() -> None:
    class Styled:
        takes = frozenset({"points", "style"})

        def prepared(self, given: dict[str, object], options: dict[str, object]) -> None:
            if given.keys() & {"points", "scribble"}:
                raise UserError("trained without")

    given = {"points": [], "scribble": 3, "style": 1, "mask": 2}
    assert module.taken(Styled(), given) == ({"style": 1}, "takes no colors")  # type: ignore[arg-type]


def test_a_method_may_be_named_and_colors_are_left_out_where_it_takes_none() -> None:
    own = page("task=colorization", "generator=grey")
    assert [(choice.name, choice.task) for choice in own.offered] == [
        ("Grey", "colorization"),
        ("levin", "colorization"),
    ]
    answer = post(own, "/make", body({"choice": 0, "points": [[2, 2, "#ff0000"]]}, {"picture": png(noise((9, 9, 3)))}))
    made = pixels(answer)
    assert answer.headers["X-Note"] == "takes%20no%20colors"
    assert np.ptp(made.astype(int), axis=2).max() <= 2


@pytest.mark.parametrize(
    "words", [["task=completion"], ["iteration=3"], ["models=[lines]", "evaluation.ensemble=true"]]
)
def test_what_would_change_nothing_is_refused(words: list[str]) -> None:
    with pytest.raises(UserError, match="says nothing about what the page offers"):
        page(*words)


def test_a_run_is_shown_at_an_iteration(tmp_path: Path) -> None:
    run = write_trained(tmp_path / "run", "completion")
    with pytest.raises(UserError, match="iteration=3 was not kept"):
        page(f"run={run}", "iteration=3")
    assert page(f"run={run}").offered[0].asked


def test_runs_and_files_below_are_opened_from_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = page("generator=telea", "paths.runs=runs")
    run = write_trained(tmp_path / "runs" / "mine", "dehazing", title="my first")
    assert json.loads(get(own, "/runs.json").body) == [{"name": "mine", "title": "my first"}]
    before = len(own.offered)
    found = json.loads(post(own, "/add", body({"place": " mine "}, {})).body)
    assert (found["choice"], found["task"]) == (before, "dehazing")
    shown = found["offer"]["tasks"]["dehazing"]["choices"]
    assert [(each["id"], each["name"], each["asked"]) for each in shown] == [(before, "mine", True)]
    assert json.loads(get(own, "/offer.json").body) == found["offer"]
    picture = {"picture": png(noise((*SIDE, 3)))}
    assert pixels(post(own, "/make", body({"choice": before}, picture))).shape == (*SIDE, 3)
    # Once more is the same one, by whatever name.
    assert json.loads(post(own, "/add", body({"place": str(run)}, {})).body)["choice"] == before
    pytest.importorskip("onnxruntime")
    write_program(tmp_path / "turn.onnx")
    program = json.loads(post(own, "/add", body({"place": "turn.onnx"}, {})).body)
    assert (program["choice"], program["task"]) == (before + 1, "dehazing")
    turned = pixels(post(own, "/make", body({"choice": before + 1}, picture)))
    assert np.array_equal(turned, 255 - noise((*SIDE, 3)))


def test_what_lies_elsewhere_or_is_a_strangers_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    own = page("generator=telea", "paths.runs=runs")
    (tmp_path / "here" / "runs").mkdir()
    assert json.loads(get(own, "/runs.json").body) == []
    write_model(tmp_path / "outside.safetensors", "dehazing")
    (tmp_path / "here" / "link.safetensors").symlink_to(tmp_path / "outside.safetensors")
    said = set()
    for place in (
        "../outside.safetensors",
        str(tmp_path / "outside.safetensors"),
        "link.safetensors",
        "none",
        "runs",
        "a" * 300,
    ):
        status, told = line(post(own, "/add", body({"place": place}, {})))
        assert status == 400
        said.add(told.replace(repr(place), "PLACE"))
    # Whether there is something is nobody's business.
    assert len(said) == 1 and "name what lies elsewhere there" in said.pop()
    for place in ("", "a\0b", "a\nb", 5, None, "x" * 5000):
        assert "the page sent what it never does" in line(post(own, "/add", body({"place": place}, {})))[1]
    run = write_trained(tmp_path / "here" / "stranger", "dehazing")
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(config.replace("henkan.tasks.dehazing.Dehazing", "os.system"))
    status, told = line(post(own, "/add", body({"place": "stranger"}, {})))
    assert status == 400 and "is no class that henkan has for this" in told and "trust=true" in told
    # Trust is said on the command line.
    assert line(post(own, "/add", body({"place": "stranger", "trust": True}, {})))[0] == 400
    (tmp_path / "here" / "notes.txt").write_text("no run")
    assert line(post(own, "/add", body({"place": "notes.txt"}, {})))[0] == 400
    assert not any(choice.place for choice in own.offered)


def test_a_picture_is_opened_upright_and_none_is_kept(
    answers: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    file, exif = io.BytesIO(), Image.Exif()
    exif[274] = 6
    Image.fromarray(noise((8, 12, 3))).save(file, "JPEG", exif=exif)
    assert pixels(post(answers, "/open", body({"name": "a.jpg"}, {"picture": file.getvalue()}))).shape == (12, 8, 3)
    assert not list(tmp_path.iterdir())


def huge(side: int) -> bytes:
    """The beginning of a PNG of side x side pixels, which could not be decoded."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"")
    chunks = [struct.pack(">I", len(each) - 4) + each + struct.pack(">I", zlib.crc32(each)) for each in (chunk, data)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("notes.png", b"this is no picture\n", "notes.png is not a picture: "),
        ("empty.png", b"", "empty.png is empty"),
        ("big.png", huge(10_000), "big.png has 10000x10000 pixels, 100 million: at most 40 million are taken"),
        ("bigger.png", huge(30_000), "bigger.png has too many pixels"),
        ("page.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "page.png is EPS, which is not taken"),
        ("cut.png", png(noise((40, 40, 3)))[:900], "cut.png cannot be decoded"),
        ("../../etc/<b>\n.png", b"x", ".._.._etc__b__.png is not a picture"),
    ],
)
def test_what_is_no_picture_is_refused_in_a_line(answers: Answers, name: str, content: bytes, said: str) -> None:
    status, found = line(post(answers, "/open", body({"name": name}, {"picture": content})))
    assert status == 400 and found.startswith(said)


def test_what_the_page_does_not_send_is_refused(answers: Answers) -> None:
    picture = {"picture": png(noise((9, 9, 3)))}
    wrong = "the page sent what it never does"
    for content, said in (
        (b"", wrong),
        (b"no json\n", wrong),
        (b"[" * 100_000 + b"\n", wrong),
        (b'{"sizes": {"picture": 9}}\n', wrong),
        (b'{"sizes": {"picture": -1}}\n', wrong),
        (b'{"sizes": [1]}\n1', wrong),
        (body({"choice": 0}, {}), "no picture was sent"),
        (body({"choice": 99}, picture), "not offered any more"),
        (body({"choice": "0"}, picture), "not offered any more"),
        (body({"choice": True}, picture), "not offered any more"),
        # A path where points are expected would be read.
        (body({"choice": 0, "points": "/etc/passwd"}, picture), wrong),
        (body({"choice": 0, "points": [[1, float("nan"), "#000000"]]}, picture), wrong),
        (body({"choice": 0, "points": [[1, 1, "red"]]}, picture), wrong),
        (body({"choice": 0, "points": [[1, 1, "#000000"]] * 20_000}, picture), wrong),
        (body({"choice": 0}, {**picture, "mask": png(np.zeros((9, 8), np.uint8))}), "its mask is 8x9 pixels"),
    ):
        status, found = line(post(answers, "/make", content))
        assert status == 400 and said in found, content[:80]
    assert line(post(answers, "/select", body({"box": [0, 0, "9"]}, picture)))[0] == 400


def test_other_pages_and_other_names_are_refused(answers: Answers) -> None:
    content = body({}, {"picture": png(noise((9, 9, 3)))})
    for headers in (
        {"host": "evil.example"},
        {"host": "evil.example:7860"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "[::1"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ):
        assert line(post(answers, "/open", content, **headers))[0] == 403, headers
    assert line(get(answers, "/", host="evil.example"))[0] == 403
    for kind in ("text/plain", "multipart/form-data", "application/x-www-form-urlencoded"):
        assert line(post(answers, "/open", content, content_type=kind))[0] == 415
    own = {"host": "localhost:7860", "origin": "http://localhost:7860", "sec_fetch_site": "same-origin"}
    assert post(answers, "/open", content, **own).status == 200
    assert line(answers(Request("PUT", "/open", {"host": "localhost"})))[0] == 405


def test_too_much_is_refused_before_it_is_read(answers: Answers) -> None:
    def read() -> bytes:
        raise AssertionError("this was read")

    headers = {"host": "localhost", "content-type": module.BODY}
    status, said = line(answers(Request("POST", "/open", headers, 10**9, read)))
    assert status == 413 and said.startswith("1000 MB are too much: 67 MB are taken")


def test_files_are_those_of_the_page_alone(answers: Answers) -> None:
    for path in (
        "/../conf/serve.yaml",
        "/page/index.html",
        "/example/../../x.png",
        "/example/none.png",
        "//etc/passwd",
    ):
        assert line(get(answers, path))[0] == 404
    html, style, *scripts = (get(answers, path).body.decode() for path in module.PAGE)
    assert html.count("<script src=") == len(scripts) > 1
    for text in (html, style, *scripts):
        assert "http:" not in text and "https:" not in text and "//" not in text.replace("// ", ""), (
            "nothing from elsewhere"
        )
    # What the policy of the page forbids.
    assert "style=" not in html and "onclick" not in html and "<script>" not in html
    assert not any("innerHTML" in script for script in scripts)


def test_a_bug_in_a_network_does_not_end_the_page(
    answers: Answers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(image: Image.Image, *_: object) -> None:
        raise ZeroDivisionError("secret/path")

    content = body({}, {"picture": png(noise((9, 9, 3)))})
    with monkeypatch.context() as patch:
        patch.setattr(module, "as_png", broken)
        assert line(post(answers, "/open", content)) == (500, "this failed (ZeroDivisionError); the terminal says more")
    assert "ZeroDivisionError: secret/path" in capsys.readouterr().err
    assert post(answers, "/open", content).status == 200 and not len(answers.line)


def test_an_object_in_a_box(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = np.full((60, 80, 3), 200, np.uint8)
    picture[20:40, 30:50] = (200, 20, 20)
    dark = lambda shown: (shown[..., 1] < 100).astype(np.float32)  # noqa: E731
    monkeypatch.setitem(answers.__dict__, "saliency", dark)
    mask = pixels(post(answers, "/select", body({"box": [25, 15, 30, 30]}, {"picture": png(picture)})))
    assert mask[18:42, 32:48].all() and not mask[:15].any() and not mask[:, :25].any()
    status, said = line(post(answers, "/select", body({"box": [0, 0, 10, 10]}, {"picture": png(picture)})))
    assert status == 400 and "nothing stands out" in said
    assert line(post(answers, "/select", body({"box": [70, 0, 20, 10]}, {"picture": png(picture)})))[0] == 400


def test_each_task_has_a_title_and_an_example_that_can_be_seen(answers: Answers) -> None:
    own = answers
    assert sorted(own.cfg.tasks) == sorted(path.stem for path in config_folder().glob("task/*.yaml"))
    for task, said in own.cfg.tasks.items():
        shown = pixels(own.example(task))
        assert max(shown.shape[:2]) == said.example.side and shown.std() > 10, task
        for stroke in [*said.example.get("brush", ()), *said.example.get("stroke", ())]:
            assert all(0 <= value <= 1 for point in stroke.points for value in point)
    assert own.example("dehazing") is own.example("dehazing")
