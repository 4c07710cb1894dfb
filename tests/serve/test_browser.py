"""The page in a real browser, driven as a person does: drop, paste, brush, box, points, strokes, pen, undo,
slider, download."""

from __future__ import annotations

import base64
import io
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image
from published import BESIDE
from tiny_model import write_model, write_trained
from tiny_page import noise, page, png

from henkan.config.composition import compose_root
from henkan.config.resolved import resolved
from henkan.cores import cores
from henkan.exporting.formats.safetensors import export
from henkan.exporting.source import Source
from henkan.pretrained.weights import sought_in
from henkan.serve.server import Server
from henkan.training.assemble import build_network
from henkan.zoo import networks

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed here: apt-get install chromium"),
]
# A camera that nobody has, whose picture moves.
CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
# Seconds that a person waits for anything.
PATIENCE = 120
# Seconds after which a hint's effect is to be seen.
SOON = 1.0
TASKS = ("completion", "colorization", "line_drawing", "sketch_to_picture", "super_resolution", "style_transfer")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page with an untrained network of each task, and methods."""
    folder = tmp_path_factory.mktemp("models")
    files = [write_model(folder / f"{task}_network.safetensors", task) for task in TASKS]
    weights = BESIDE / "weights"
    with (
        sought_in(str(weights) if weights.is_dir() else None),
        Server(page(f"models=[{','.join(map(str, files))}]"), 0) as server,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.url
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *CAMERA])
        yield opened
        opened.close()


class Person:
    """Who looks at the page in a window of a size, and what went wrong there."""

    def __init__(self, browser: object, url: str, width: int = 1440, height: int = 900) -> None:
        self.wrong: list[str] = []
        self.page = browser.new_page(viewport={"width": width, "height": height})  # type: ignore[attr-defined]
        self.page.set_default_timeout(1000 * PATIENCE)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        self.page.on(
            "request",
            lambda asked: None if asked.url.startswith((url, "blob:", "data:")) else self.wrong.append(asked.url),
        )
        self.page.goto(url)
        self.page.wait_for_selector("#tasks button", state="attached")

    def task(self, title: str) -> None:
        self.page.get_by_role("button", name=title, exact=True).click()

    def drag(self, *shares: tuple[float, float]) -> None:
        """Drag over the picture, along places given as shares of its width and height."""
        box = self.page.locator("#picture").bounding_box()
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in shares]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=4)
        self.page.mouse.up()

    def until(self, expression: str, wanted: object = True) -> None:
        end = time.monotonic() + PATIENCE
        while (found := self.page.evaluate(expression)) != wanted:
            assert time.monotonic() < end, (expression, found, self.page.inner_text("#error"))
            time.sleep(0.03)

    def answered(self) -> None:
        """Wait until every network that is chosen has answered what is drawn now."""
        self.until(
            "!source || timer === 0 && document.getElementById('busy').hidden && results.size >= chosen.get(task).size"
        )
        assert self.page.evaluate("[...results.values()].map((each) => each.error).filter(Boolean)") == []

    def choose(self, name: str) -> None:
        """Add a method, and look at what it made."""
        self.page.locator("#choices label", has_text=name).locator("input").check()
        self.answered()
        self.page.select_option("#right", label=name)

    def file(self, name: str, content: bytes) -> None:
        self.page.set_input_files("#file", {"name": name, "mimeType": "image/png", "buffer": content})

    def downloaded(self) -> tuple[str, np.ndarray]:
        with self.page.expect_download() as waiting:
            self.page.click("#download")
        return waiting.value.suggested_filename, np.asarray(
            Image.open(io.BytesIO(Path(waiting.value.path()).read_bytes()))
        )

    def done(self) -> None:
        assert self.wrong == []
        # Nothing hangs over the edge of a narrow window.
        assert self.page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
        self.page.close()


@pytest.fixture
def person(browser: object, url: str) -> Iterator[Callable[..., Person]]:
    people: list[Person] = []

    def come(*size: int) -> Person:
        people.append(Person(browser, url, *size))
        return people[-1]

    yield come
    for one in people:
        one.done()


def test_brush_undo_and_download_at_full_size(person: Callable[..., Person]) -> None:
    one = person()
    picture = np.asarray(Image.fromarray(noise((9, 12, 3))).resize((1200, 900), Image.Resampling.BICUBIC))
    one.file("my photo.png", png(picture))
    one.until("source?.width", 1200)
    assert one.page.inner_text("#status") == "Nothing is brushed yet." and one.page.is_disabled("#download")
    one.drag((0.4, 0.4), (0.6, 0.5))
    one.answered()
    assert one.page.inner_text("#status").startswith("A preview, of the picture at 512 pixels")
    one.choose("telea")
    name, made = one.downloaded()
    assert name == "my photo_telea.png" and made.shape == picture.shape
    changed = (made != picture).any(axis=2)
    assert changed[int(0.45 * 900), 600] or changed[380:480, 500:700].any()
    assert not changed[:250].any() and not changed[:, :350].any() and 0.005 < changed.mean() < 0.1
    one.page.focus("#place")
    one.page.keyboard.type("mine")
    one.page.keyboard.press("Control+z")
    assert one.page.evaluate("[strokes.length, document.getElementById('place').value]") == [1, ""]
    one.page.focus("#picture")
    one.page.keyboard.press("Control+z")
    one.until("strokes.length", 0)
    one.until("results.size", 0)
    assert one.page.is_disabled("#download")
    one.page.keyboard.press("Control+Shift+z")
    one.answered()


def test_what_is_downloaded_is_of_the_last_stroke(person: Callable[..., Person]) -> None:
    one = person()
    picture = np.asarray(Image.fromarray(noise((9, 12, 3))).resize((240, 180), Image.Resampling.BICUBIC))
    one.file("small.png", png(picture))
    one.until("source?.width", 240)
    one.drag((0.2, 0.3), (0.3, 0.3))
    one.answered()
    one.choose("telea")
    # Shown whole already: and then there is one more stroke, and no patience.
    one.drag((0.7, 0.7), (0.8, 0.7))
    _, made = one.downloaded()
    changed = (made != picture).any(axis=2)
    assert changed[:90].any() and changed[90:, 140:].any()
    one.answered()
    one.until("[...results.values()].some((each) => each.stale)", False)


def test_a_picture_that_was_asked_for_later_stays(person: Callable[..., Person]) -> None:
    one = person()
    one.page.evaluate(
        "void (ask = ((before) => async (what, ...more) => {"
        " const answer = await before(what, ...more);"
        " if (what === 'open' && more[0].name === 'slow.png') await new Promise((done) => setTimeout(done, 600));"
        " return answer; })(ask))"
    )
    one.file("slow.png", png(np.zeros((40, 50, 3), np.uint8)))
    one.page.wait_for_timeout(150)
    one.file("later.png", png(np.full((60, 80, 3), 255, np.uint8)))
    one.until("source?.width", 80)
    one.page.wait_for_timeout(900)
    assert one.page.evaluate("source.name") == "later"


def test_a_box_selects_an_object(person: Callable[..., Person]) -> None:
    one = person()
    tool = one.page.get_by_role("button", name="Select")
    if not tool.count():
        pytest.skip("u2netp.onnx is not in the weights beside the checkout")
    picture = np.full((300, 400, 3), 210, np.uint8)
    y, x = np.mgrid[:300, :400]
    picture[(x - 200) ** 2 + (y - 150) ** 2 < 60**2] = (200, 30, 30)
    one.file("ball.png", png(picture))
    one.until("source?.width", 400)
    tool.click()
    one.drag((0.28, 0.2), (0.72, 0.8))
    one.until("strokes.length", 1)
    one.answered()
    one.choose("telea")
    _, made = one.downloaded()
    assert abs(int(made[150, 200, 1]) - 210) < 30, "the ball is gone"
    assert np.array_equal(made[:, :80], picture[:, :80])


def test_points_and_strokes_change_the_colors_there(person: Callable[..., Person]) -> None:
    one = person()
    one.task("Color")
    one.file("grey.png", png(np.repeat(noise((6, 8))[..., None] // 4 + 90, 3, axis=2).repeat(30, 0).repeat(30, 1)))
    one.until("source?.width", 240)
    one.page.evaluate("document.getElementById('color').value = '#d02020'")
    one.drag((0.25, 0.25))
    one.page.evaluate("document.getElementById('color').value = '#2040d0'")
    one.drag((0.75, 0.75))
    # Over an edge it is at the edge.
    one.drag((0.02, 0.5), (-0.05, 0.5))
    one.answered()
    one.page.focus("#picture")
    one.page.keyboard.press("Control+z")
    one.answered()
    one.choose("levin")
    _, made = one.downloaded()
    assert made[45, 60, 0] > made[45, 60, 2] + 20 and made[135, 180, 2] > made[135, 180, 0] + 20
    one.page.get_by_role("button", name="Stroke").click()
    one.page.evaluate("document.getElementById('color').value = '#20a020'")
    one.drag((0.2, 0.9), (0.4, 0.9))
    one.answered()
    _, made = one.downloaded()
    assert made[162, 72, 1] > made[162, 72, 0] + 15 and made[135, 180, 2] > made[135, 180, 0] + 15
    one.page.get_by_role("button", name="Eraser").click()
    one.drag((0.75, 0.75), (0.76, 0.75))
    one.until("points().length", 1)
    one.answered()


def test_a_sketch_is_drawn_and_painted(person: Callable[..., Person]) -> None:
    one = person(390, 844)
    one.task("Sketch to picture")
    one.page.click("#blank")
    one.until("source?.width", 512)
    one.drag((0.2, 0.2), (0.8, 0.3), (0.5, 0.8), (0.2, 0.2))
    one.page.get_by_role("button", name="Stroke").click()
    one.drag((0.5, 0.4), (0.5, 0.6))
    one.answered()
    assert one.page.evaluate("results.get(task && offer.tasks[task].choices[0].id).bitmap.width") == 512
    one.page.click("#clear")
    one.until("strokes.length", 0)
    one.answered()


def test_what_is_no_picture_is_said_in_a_line(person: Callable[..., Person]) -> None:
    one = person()
    one.file("notes.png", b"no picture\n")
    one.until("document.getElementById('error').textContent.startsWith('notes.png is not a picture')")
    assert one.page.is_visible("#error") and one.page.is_visible("#empty")
    one.wrong[:] = [said for said in one.wrong if "400" not in said]


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_examples_work_at_the_first_click(person: Callable[..., Person], size: tuple[int, int], tmp_path: Path) -> None:
    one = person(*size)
    titles = one.page.locator("#tasks button").all_inner_texts()
    assert len(titles) == len(TASKS)
    for title in titles:
        one.page.evaluate("source = null")
        one.task(title)
        one.page.click("#example")
        one.until("source?.name", "example")
        one.answered()
        one.page.screenshot(path=tmp_path / f"{size[0]} {title}.png", full_page=True)
        assert one.page.is_visible("#compared") and not one.page.is_disabled("#download")


def test_two_people_and_a_tab_that_is_closed(person: Callable[..., Person], browser: object, url: str) -> None:
    leaving, first, second = Person(browser, url), person(), person()
    for one in (leaving, first, second):
        one.page.click("#example")
        one.until("source?.name", "example")
    leaving.page.close()
    for one in (first, second):
        one.answered()
        assert one.page.is_visible("#compared") and not one.page.is_disabled("#download")


def test_a_hint_on_a_detail_of_a_large_picture(person: Callable[..., Person]) -> None:
    one = person()
    one.task("Color")
    one.file("large.png", png(np.full((3000, 4000, 3), 128, np.uint8)))
    one.until("source?.width", 4000)
    box = one.page.locator("#picture").bounding_box()
    at = (box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"])
    one.page.mouse.move(*at)
    for _ in range(8):
        one.page.mouse.wheel(0, -300)
    one.until("view.zoom > 20")
    # What was under the pointer still is: there the hint goes, to what a pixel of the screen was when it was far.
    one.page.mouse.click(*at)
    (x, y, _), *more = one.page.evaluate("points()")
    assert abs(x - 3000) < 4000 / box["width"] and abs(y - 750) < 4000 / box["width"] and not more
    one.page.keyboard.press("ArrowRight")
    one.page.mouse.click(*at)
    moved = one.page.evaluate("points()")[1][0] - x
    assert 0 < moved < 4000 / 20
    one.page.keyboard.down(" ")
    one.drag((0.5, 0.5), (0.4, 0.5))
    one.page.keyboard.up(" ")
    assert len(one.page.evaluate("points()")) == 2, "the picture was moved, and nothing drawn"
    one.page.keyboard.press("0")
    one.until("view.zoom", 1)
    one.page.click("#in")
    one.until("document.getElementById('fit').textContent", "150 %")
    one.answered()
    one.page.click("#fit")
    one.until("view", {"zoom": 1, "x": 0, "y": 0})


def test_two_fingers_move_the_picture_and_one_draws(person: Callable[..., Person]) -> None:
    one = person(390, 844)
    one.file("photo.png", png(noise((60, 80, 3)).repeat(5, 0).repeat(5, 1)))
    one.until("source?.width", 400)
    one.page.locator("#picture").scroll_into_view_if_needed()
    box = one.page.locator("#picture").bounding_box()
    touch = one.page.context.new_cdp_session(one.page)

    def fingers(kind: str, *shares: tuple[float, float]) -> None:
        points = [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in shares]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", (0.4, 0.5))
    fingers("touchStart", (0.4, 0.5), (0.6, 0.5))
    fingers("touchMove", (0.3, 0.5), (0.7, 0.5))
    fingers("touchMove", (0.2, 0.5), (0.8, 0.5))
    fingers("touchEnd")
    one.until("Math.round(view.zoom)", 3)
    assert one.page.evaluate("[strokes.length, drawing]") == [0, None]
    fingers("touchStart", (0.5, 0.5))
    fingers("touchMove", (0.6, 0.5))
    fingers("touchEnd")
    one.until("strokes.length", 1)
    width = one.page.evaluate("Math.max(...strokes[0].points.map(([x]) => x)) - strokes[0].points[0][0]")
    assert abs(width - 0.1 * 400 / one.page.evaluate("view.zoom")) < 3
    one.answered()


def test_grow_and_feather(person: Callable[..., Person]) -> None:
    one = person()
    picture = noise((80, 100, 3)).repeat(4, 0).repeat(4, 1)
    one.file("photo.png", png(picture))
    one.until("source?.width", 400)
    one.drag((0.5, 0.5), (0.52, 0.5))
    one.answered()
    one.choose("telea")
    _, narrow = one.downloaded()
    one.page.fill("#grow", "20")
    one.page.fill("#feather", "5")
    one.answered()
    _, wide = one.downloaded()
    counts = [np.flatnonzero((made != picture).any(axis=(0, 2))) for made in (narrow, wide)]
    assert 17 <= counts[0].min() - counts[1].min() <= 21


def test_a_file_is_dropped(person: Callable[..., Person], tmp_path: Path) -> None:
    one = person()
    (tmp_path / "dropped.png").write_bytes(png(noise((30, 40, 3)).repeat(10, 0).repeat(10, 1)))
    (tmp_path / "notes.txt").write_text("no picture")
    box = one.page.locator("#drop").bounding_box()
    hand = one.page.context.new_cdp_session(one.page)

    def move(kind: str, name: str) -> None:
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        data = {"items": [], "files": [str(tmp_path / name)], "dragOperationsMask": 1}
        hand.send("Input.dispatchDragEvent", {"type": kind, **place, "data": data})

    over = "document.getElementById('drop').classList.contains('over')"
    move("dragEnter", "dropped.png")
    move("dragOver", "dropped.png")
    one.until(over)
    move("drop", "dropped.png")
    one.until("source && [source.name, source.width, source.height]", ["dropped", 400, 300])
    assert not one.page.evaluate(over) and one.page.is_visible("#picture")
    for kind in ("dragEnter", "dragOver", "drop"):
        move(kind, "notes.txt")
    one.until("document.getElementById('error').textContent.startsWith('notes.txt is not a picture')")
    assert one.page.evaluate("source.name") == "dropped"
    one.wrong[:] = [said for said in one.wrong if "400" not in said]


def test_a_picture_is_pasted(person: Callable[..., Person]) -> None:
    one = person()
    one.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    copied = base64.b64encode(png(noise((30, 40, 3)).repeat(10, 0).repeat(10, 1))).decode()
    one.page.evaluate(
        "async (copied) => {"
        " const bytes = Uint8Array.from(atob(copied), (letter) => letter.charCodeAt(0));"
        " const picture = new Blob([bytes], { type: 'image/png' });"
        " await navigator.clipboard.write([new ClipboardItem({ 'image/png': picture })]); }",
        copied,
    )
    one.page.keyboard.press("Control+v")
    one.until("source && [source.width, source.height]", [400, 300])
    assert one.page.is_visible("#picture")
    # Words are none: they go where one types.
    one.page.evaluate("navigator.clipboard.writeText('mine')")
    one.page.focus("#place")
    one.page.keyboard.press("Control+v")
    one.until("document.getElementById('place').value", "mine")
    assert one.page.evaluate("source.width") == 400


def test_the_slider_lies_between_two_pictures(person: Callable[..., Person]) -> None:
    one = person()
    picture = np.full((300, 400, 3), 210, np.uint8)
    picture[148:152, 190:210] = (200, 30, 30)
    one.file("spot.png", png(picture))
    one.until("source?.width", 400)
    assert not one.page.is_visible("#split"), "there is nothing to compare yet"
    one.drag((0.44, 0.5), (0.56, 0.5))
    one.answered()
    one.choose("telea")
    one.page.select_option("#left", label="the picture")

    def spotted() -> bool:
        """Whether the middle shows the spot, as the picture on the left has it."""
        red, green, _ = one.page.evaluate(
            "(() => { const c = document.getElementById('compared');"
            " return [...c.getContext('2d').getImageData(c.width / 2 + 4, c.height / 2, 1, 1).data].slice(0, 3); })()"
        )
        return bool(red > green + 100)

    split = one.page.locator("#split")
    split.press("End")
    assert one.page.evaluate("Number(document.getElementById('split').value)") == 1000 and spotted()
    split.press("Home")
    assert not spotted()
    box = split.bounding_box()
    one.page.mouse.move(box["x"] + 1, box["y"] + box["height"] / 2)
    one.page.mouse.down()
    one.page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + box["height"] / 2, steps=4)
    assert not spotted()
    one.page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + box["height"] / 2, steps=4)
    one.page.mouse.up()
    assert spotted()
    # The line is dragged in the picture as well.
    box = one.page.locator("#compared").bounding_box()
    one.page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + box["height"] / 2)
    one.page.mouse.down()
    one.page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + box["height"] / 2, steps=4)
    one.page.mouse.up()
    assert abs(one.page.evaluate("Number(document.getElementById('split').value)") - 250) <= 5 and not spotted()


def test_a_run_is_opened_from_the_page(browser: object, tmp_path: Path) -> None:
    write_trained(tmp_path / "runs" / "mine", "dehazing", title="the first of mine")
    with Server(page("generator=telea", f"paths.runs={tmp_path / 'runs'}"), 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        one = Person(browser, server.url)
        assert not one.page.is_visible("#tasks"), "there is one task alone"
        one.page.focus("#place")
        one.until("document.querySelector('#runs option')?.label", "the first of mine")
        one.page.fill("#place", "mine")
        one.page.keyboard.press("Enter")
        one.until("task", "dehazing")
        one.page.click("#example")
        one.until("source?.name", "example")
        one.answered()
        assert one.page.locator("#right option:checked").inner_text() == "mine"
        one.page.fill("#place", "/etc/passwd")
        one.page.click("#add")
        one.until("document.getElementById('error').textContent.startsWith('there is no ')")
        one.wrong[:] = [said for said in one.wrong if "400" not in said]
        one.done()
        server.shutdown()


def test_the_camera(person: Callable[..., Person]) -> None:
    one = person(390, 844)
    one.page.click("#camera")
    one.until("document.getElementById('video').videoWidth > 0")
    assert one.page.is_visible("#video") and one.page.inner_text("#camera") == "Take it"
    time.sleep(0.5)
    one.page.click("#camera")
    one.until("source?.name", "photo")
    assert one.page.evaluate("[stream, document.getElementById('video').hidden]") == [None, True]
    colors = one.page.evaluate(
        "(() => { const c = sheet(64, 48), x = c.getContext('2d'); x.drawImage(source.bitmap, 0, 0, 64, 48);"
        " return new Set(x.getImageData(0, 0, 64, 48).data).size; })()"
    )
    assert colors > 3, "a picture was taken, and no empty one"
    # Without one, or against the person's will, it is said.
    one.page.evaluate("void (navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error('no')))")
    one.page.click("#camera")
    one.until("document.getElementById('error').textContent.startsWith('there is no camera here')")
    assert one.page.is_visible("#picture")


@pytest.fixture(scope="module")
def guided(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A user-guided network of laptop scale: the one that comes with henkan, or one of its size."""
    if "color_guided" in networks.names():
        return "color_guided"
    words = ["experiment=user_guided_color", "scale.width=0.125", "scale.size=96"]
    cfg = compose_root("train", [*words, "statistics.mean=[0.5,0.5,0.5]", "statistics.classes=0"])
    own = OmegaConf.create(dict(resolved(cfg)))
    file = tmp_path_factory.mktemp("guided") / "guided.safetensors"
    network = build_network(resolved(own), "generator").eval()
    export(Source(network, own, {"identity": "0" * 64}), file, OmegaConf.create({"half": True}))
    return str(file)


def test_a_hint_is_seen_within_a_second(browser: object, guided: str) -> None:
    with Server(page(f"models=[{guided}]"), 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        one = Person(browser, server.url)
        one.file("photo.png", png(noise((32, 32, 3)).repeat(8, 0).repeat(8, 1)))
        one.until("source?.width", 256)
        one.answered()
        taken, computed = [], []
        for place in ((0.2, 0.3), (0.5, 0.5), (0.8, 0.6)):
            one.page.evaluate("results = new Map()")
            before = time.process_time()
            one.drag(place)
            one.answered()
            computed.append(time.process_time() - before)
            taken.append(one.page.evaluate("Math.max(...[...results.values()].map(({ after }) => after))") / 1000)
        seen, own = np.median(taken), np.median(computed)
        print(f"{guided}, 256 pixels: a hint is seen after {seen:.2f} s, {own:.2f} s of which one core computes")
        assert own < SOON / 2
        # Where many wait for few cores, it is they that are measured.
        assert seen < SOON or os.getloadavg()[0] > cores()
        one.done()
        server.shutdown()
