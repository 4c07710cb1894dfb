"""The page that asks: blind, in chance's order, for this machine alone; and as a file whose answers come back."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from henkan.errors import UserError
from henkan.report.ballot import Ballot, Session, export
from henkan.report.questions import drawn, imported, left_to_ask, pairs
from henkan.report.read import read_study
from henkan.report.study import Study
from henkan.report.votes import FILE, append, read_votes


@pytest.fixture
def asked(make_study: Callable[..., Path]) -> Study:
    return read_study(make_study(seeds=(0, 1), done=6, images=12, side=8, iterations=24))


@pytest.fixture
def ballot(asked: Study) -> Iterator[Ballot]:
    with Ballot(Session(asked, drawn(pairs(asked), 0, "ana")[:5], "ana")) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_every_two_are_asked_about_in_chances_order(asked: Study) -> None:
    found = pairs(asked)
    # Three of three configurations, two seeds, twelve pictures.
    assert len(found) == 3 * 2 * 12
    assert len({pair.identity for pair in found}) == len(found)
    ana, ben = drawn(found, 0, "ana"), drawn(found, 0, "ben")
    assert [pair.identity for pair in ana] == [pair.identity for pair in drawn(found[::-1], 0, "ana")]
    assert [pair.identity for pair in ana] != [pair.identity for pair in ben]
    assert [pair.picture for pair in ana] != [pair.picture for pair in drawn(found, 1, "ana")]
    left = Counter(pair.left.configuration for pair in ana)
    assert all(8 < left[name] < 40 for name in asked.configurations)
    assert {pair.left.configuration for pair in pairs(asked, ["mse", "gan_0.02"])} == {"mse"}


def test_what_was_answered_is_not_asked_again(asked: Study) -> None:
    first, second, *_ = drawn(pairs(asked), 0, "ana")
    append(asked.folder, [first.vote("tie", "ana", "2026-11-26"), second.turned().vote("left", "ana", "2026-11-26")])
    votes = read_votes(asked.folder)
    assert len(left_to_ask(pairs(asked), votes, "ana")) == 70
    assert len(left_to_ask(pairs(asked), votes, "ben")) == 72


def test_what_cannot_be_compared_is_refused(asked: Study, make_study: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match=r"no configuration 'gan' \(did you mean 'gan_0.02'\?\); there are mse, gan"):
        pairs(asked, ["mse", "gan"])
    # Other test pictures under the same names.
    for number in range(12):
        for run in ("0-0", "1-0"):
            shutil.copy(
                asked.folder / f"runs/0-1/pictures/{(number + 1) % 12:02d}_target.png",
                asked.folder / f"runs/{run}/pictures/{number:02d}_target.png",
            )
    with pytest.raises(UserError, match="kept no pictures of the same test set that differ"):
        pairs(read_study(asked.folder), ["mse", "gan_0.02"])
    for path in asked.folder.glob("runs/*/pictures"):
        shutil.rmtree(path)
    with pytest.raises(UserError, match="no two configurations whose runs are done and have kept pictures"):
        pairs(read_study(asked.folder))


def ask(ballot: Ballot, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", ballot.server_port, timeout=10)
    connection.request(method, path, body, headers)
    reply = connection.getresponse()
    content = reply.read()
    connection.close()
    return reply.status, content, reply.headers


def test_pages_pictures_and_answers_are_had_behind_the_token(ballot: Ballot, asked: Study) -> None:
    own = f"/{ballot.token}"
    status, page, headers = ask(ballot, "GET", f"{own}/")
    assert status == 200
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    text = page.decode()
    # Nothing tells whose a picture is: no configuration, no run, no path.
    for word in (*asked.configurations, "runs/", str(asked.folder), "http://", "https://"):
        assert word not in text.replace('"study": "mse_vs_gan"', "").replace("henkan-votes-", ""), word
    session = json.loads(text.partition('id="session"')[2].partition(">")[2].partition("</script>")[0])
    first = session["pairs"][0]
    pair = ballot.session.pairs[first["pair"]]
    status, picture, headers = ask(ballot, "GET", f"{own}/{first['left']}.png")
    assert (status, picture, headers["Content-Type"]) == (200, pair.images["left"].read_bytes(), "image/png")

    said = {"pair": first["pair"], "answer": "right"}
    assert ask(ballot, "POST", f"{own}/answer", json.dumps(said).encode())[0] == 200
    (vote,) = read_votes(asked.folder)
    assert (vote["voter"], vote["answer"], vote["picture"]) == ("ana", "right", pair.picture)
    assert (vote["left"], vote["right_run"]) == (pair.left.configuration, pair.right.folder.name)


def test_nothing_else_is_had(ballot: Ballot, asked: Study) -> None:
    own, evil = f"/{ballot.token}", {"Host": "evil.example"}
    refused: list[tuple[str, str, bytes | None, dict[str, str], int]] = [
        ("GET", f"{own}/", None, evil, 403),
        ("GET", f"{own}/0.png", None, evil, 403),
        ("GET", f"{own}/", None, {"Host": "127.0.0.1"}, 403),
        ("POST", f"{own}/answer", b"{}", {"Host": "evil.example:80"}, 403),
        ("GET", "/", None, {}, 404),
        ("GET", "/wrong/", None, {}, 404),
        ("GET", "/wrong/0.png", None, {}, 404),
        ("GET", f"{own}/999.png", None, {}, 404),
        ("GET", f"{own}/-1.png", None, {}, 404),
        ("GET", f"{own}/%C2%B2.png", None, {}, 404),
        ("GET", f"{own}/../../etc/passwd", None, {}, 404),
        ("GET", f"{own}/%2e%2e/run.json", None, {}, 404),
        ("GET", f"{own}/answer", None, {}, 404),
        ("POST", f"{own}/", b"{}", {}, 404),
        ("POST", f"{own}/answer", b"{}", {"Origin": "http://evil.example"}, 404),
        ("POST", f"{own}/answer", b"x" * 5000, {}, 413),
        ("POST", f"{own}/answer", b"", {"Content-Length": "-1"}, 413),
        ("PUT", f"{own}/answer", b"{}", {}, 501),
    ]
    said = {"both": 1, "pair": next(iter(ballot.session.pairs)), "answer": "both"}
    bodies = [b"{}", b'{"pair": "0", "answer": "left"}', b'{"pair": [], "answer": "left"}', b"[" * 4000, b"\xff", b"[]",
              *(json.dumps(said | {"answer": answer}).encode() for answer in ("both", None, 1, {}))]  # fmt: skip
    refused += [("POST", f"{own}/answer", body, {}, 400) for body in bodies]
    for method, path, body, headers, status in refused:
        assert ask(ballot, method, path, body, **headers)[0] == status, (method, path, body)
    assert not (asked.folder / FILE).exists()
    with pytest.raises(UserError, match="port=.* cannot be had: Address already in use; port=0 takes a free one"):
        Ballot(ballot.session, ballot.server_port)


def test_a_file_goes_out_and_its_answers_come_back_once(asked: Study, tmp_path: Path) -> None:
    sent = drawn(pairs(asked), 7, "")[:4]
    export(asked, sent, tmp_path / "vote.html")
    text = (tmp_path / "vote.html").read_text()
    assert "http" not in text.replace("http-equiv", "")
    session = json.loads(text.partition('id="session"')[2].partition(">")[2].partition("</script>")[0])
    assert len(session["pairs"]) == 4
    assert all(image.startswith("data:image/png;base64,") for image in session["images"])
    answers = [{"pair": one["pair"], "answer": word, "time": "2026-11-26T10:00:00+00:00"}
               for one, word in zip(session["pairs"], ("left", "tie", "right"), strict=False)]  # fmt: skip
    path = tmp_path / "answers.json"
    path.write_text(json.dumps({"study": "mse_vs_gan", "voter": " ben ", "answers": answers}))
    assert imported(asked, path) == (3, 3)
    assert imported(asked, path) == (0, 3)
    votes = read_votes(asked.folder)
    assert [(vote["voter"], vote["answer"], vote["left"]) for vote in votes] == [
        ("ben", answer["answer"], pair.left.configuration) for answer, pair in zip(answers, sent, strict=False)
    ]


GOOD = {"study": "mse_vs_gan", "voter": "ben", "answers": []}
ANSWER = {"pair": "0", "answer": "left", "time": "2026-11-26T10:00:00+00:00"}


def test_a_file_that_is_none_adds_nothing(asked: Study, tmp_path: Path) -> None:
    path = tmp_path / "answers.json"
    for content, said in {
        "[]": "is damaged",
        "{": "is damaged",
        json.dumps({}): "is no file of answers: it says no study, voter and answers",
        json.dumps(GOOD | {"voter": "  "}): "voter='  ' must be a name",
        json.dumps(GOOD | {"voter": "x" * 81}): "must be a name of 1 to 80 characters",
        json.dumps(GOOD | {"voter": "a\nb"}): "must be a name",
        json.dumps(GOOD | {"study": "other"}): "is about the study 'other', not mse_vs_gan",
        json.dumps(GOOD | {"answers": [1]}): "answer 1 is none",
        json.dumps(GOOD | {"answers": [ANSWER | {"answer": "up"}]}): "answer 1 is none",
        json.dumps(GOOD | {"answers": [ANSWER | {"time": "now"}]}): "answer 1 is none",
        json.dumps(GOOD | {"answers": [ANSWER]}): "answer 1 is about runs that study mse_vs_gan does not have",
    }.items():
        path.write_text(content)
        with pytest.raises(UserError) as error:
            imported(asked, path)
        assert said in str(error.value)
    assert not (asked.folder / FILE).exists()


@pytest.mark.slow
def test_in_a_browser_keys_answer_and_a_file_keeps_what_is_saved(ballot: Ballot, asked: Study, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api")

    def at(page: Any, number: int) -> None:
        playwright.expect(page.locator("#place")).to_have_text(re.compile(f"^{number} of "))

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on the PATH")
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        errors: list[str] = []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(ballot.address)
        order = [one["pair"] for one in ballot.session.asked]
        for number, key in enumerate(("ArrowLeft", "ArrowRight", "Space"), 1):
            page.wait_for_selector("#left img[style]")
            if picture := os.environ.get("HENKAN_SCREENSHOTS"):
                page.screenshot(path=f"{picture}/vote_{number}.png")
            page.keyboard.press(key)
            at(page, number + 1)
        page.keyboard.press("Backspace")
        page.click("[data-answer=right]")
        at(page, 4)
        kept = {vote["pair"]: vote["answer"] for vote in read_votes(asked.folder)}
        assert [kept.get(pair) for pair in order] == ["left", "right", "right", None, None]
        # Both pictures are as large as each other, and inside the window.
        boxes = [page.locator(f"#{side} img").bounding_box() for side in ("left", "right")]
        assert boxes[0]["width"] == boxes[1]["width"] > 100
        assert boxes[1]["x"] + boxes[1]["width"] <= 1440
        assert errors == []

        export(asked, drawn(pairs(asked), 3, "")[:2], tmp_path / "vote.html")
        page.set_viewport_size({"width": 390, "height": 800})
        page.goto((tmp_path / "vote.html").as_uri())
        assert page.is_disabled("#save")
        page.keyboard.press("ArrowLeft")
        # A reload forgets nothing.
        page.reload()
        at(page, 2)
        if picture := os.environ.get("HENKAN_SCREENSHOTS"):
            page.wait_for_selector("#left img[style]")
            page.screenshot(path=f"{picture}/vote_static.png")
        page.click("#right")
        page.fill("#voter", "ben")
        with page.expect_download() as download:
            page.click("#save")
        download.value.save_as(tmp_path / "answers.json")
        # Who opens it next is not asked for less, and a button that keys have gone to is pressed by them.
        page.reload()
        at(page, 1)
        page.keyboard.press("ArrowLeft")
        at(page, 2)
        page.focus("#back")
        page.keyboard.press("Tab")
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Space")
        at(page, 1)
        assert errors == []
        browser.close()
    assert imported(asked, tmp_path / "answers.json") == (2, 2)
    assert [vote["answer"] for vote in read_votes(asked.folder) if vote["voter"] == "ben"] == ["left", "right"]
