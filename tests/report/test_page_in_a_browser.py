"""The page as a person has it: in a browser, by keyboard, on a screen and on a telephone, without a network."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from henkan.report import pictures
from henkan.report.write import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow
NAMES = ["mse", *(f"adversarial {i}, a <b>long</b> name of a variant" for i in range(5))]
Open = Callable[..., "Page"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright (the group dev)")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("needs a Chromium: none of chromium, chromium-browser and google-chrome is there")
    with sync_api.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def path(make_kept_study: Callable[..., Path]) -> Path:
    """A page of a study whose pictures are too many to be in it whole."""
    nodes = {name: {"variant": name, "overrides": []} for name in NAMES}
    folder = make_kept_study(iterations=60, side=128, seeds=(0, 1), done=6, configurations=nodes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "WHOLE_BYTES", 0)
        return write_report(folder)


@pytest.fixture
def shown(browser: Browser, path: Path) -> Iterator[Open]:
    """Return what opens the page, which asks for nothing outside its folder, and whose scripts do not fail."""
    wrong: list[str] = []
    contexts = []

    def open_page(width: int = 1440, scheme: str = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        inside = path.parent.as_uri()
        page.on("request", lambda asked: None if asked.url.startswith(("data:", inside)) else wrong.append(asked.url))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def order(page: Page) -> list[str]:
    names = page.locator("table.scores tbody th").evaluate_all("cells => cells.map(cell => cell.textContent)")
    return [name.partition("against")[0].removesuffix("baseline").strip() for name in names]


def test_tables_are_sorted_by_keyboard(shown: Open) -> None:
    page = shown()
    head = page.locator("table.scores thead th").nth(1)
    assert order(page) == NAMES and head.get_attribute("aria-sort") == "none"
    head.locator("button").focus()
    page.keyboard.press("Enter")
    means = page.locator("table.scores tbody td:nth-child(2)").evaluate_all("cells => cells.map(c => +c.dataset.sort)")
    # PSNR: the best first.
    assert means == sorted(means, reverse=True) and head.get_attribute("aria-sort") == "descending"
    page.keyboard.press("Space")
    assert head.get_attribute("aria-sort") == "ascending" and order(page) != NAMES
    page.locator("table.scores thead button").first.press("Enter")
    assert order(page) == NAMES and head.get_attribute("aria-sort") == "none"


def test_a_slider_stands_between_two_outputs(shown: Open) -> None:
    page = shown()
    slider, stage = page.locator(".pairs input"), page.locator(".stage")
    slider.focus()
    for key, at in (("Home", "0%"), ("End", "100%"), ("ArrowLeft", "99%")):
        page.keyboard.press(key)
        assert stage.evaluate("stage => stage.style.getPropertyValue('--at')") == at
    box = stage.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    assert slider.input_value() == "25"
    # The whole pictures, from where they lie, not the small ones.
    page.wait_for_function("[...document.querySelectorAll('.stage img')].every(image => image.naturalWidth === 128)")
    first = page.locator(".stage img").last.get_attribute("src")
    page.locator(".choices button").last.press("Enter")
    assert page.locator(".choices button[aria-pressed=true]").count() == 1
    assert page.locator(".stage img").last.get_attribute("src") != first
    page.locator(".pairs select").select_option(index=2)
    assert page.locator(".stage span").last.text_content() == NAMES[3]


def test_charts_tell_values(shown: Open) -> None:
    page = shown()
    chart = page.locator(".charts figure").first
    chart.focus()
    page.keyboard.press("ArrowRight")
    first = page.locator(".tip").inner_text().splitlines()
    assert first[1] == "iteration 0" and first[2].startswith("mse ")
    page.keyboard.press("ArrowRight")
    assert page.locator(".tip").inner_text().splitlines()[1] != first[1]
    page.locator("figure.plane [data-of] use").first.hover(force=True)
    told = page.locator(".tip").inner_text().splitlines()
    assert told[0].endswith("seed 0") and told[1].startswith("PSNR in the hole (dB) 1")
    chart.click()
    assert page.locator("dialog.chart[open] svg").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("dialog.chart").is_visible()


def test_pictures_are_enlarged_whole(shown: Open) -> None:
    page = shown()
    small = page.locator(".gallery .line button").nth(1)
    small.press("Enter")
    page.wait_for_function("document.querySelector('dialog.picture img').naturalWidth === 128")
    first = page.locator("dialog.picture p").text_content()
    page.keyboard.press("ArrowRight")
    assert page.locator("dialog.picture p").text_content() != first


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_is_wider_than_the_window(width: int, scheme: str, shown: Open) -> None:
    page = shown(width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 19, 24)"}[scheme]
    # No label lies outside its chart.
    outside = page.evaluate(
        """[...document.querySelectorAll('figure svg')].flatMap(svg => {
             const box = svg.getBoundingClientRect();
             return [...svg.querySelectorAll('text')].filter(text => {
               const own = text.getBoundingClientRect();
               return own.left < box.left - 1 || own.right > box.right + 1
                   || own.top < box.top - 1 || own.bottom > box.bottom + 1;
             }).map(text => text.textContent);
           })"""
    )
    assert outside == []
    assert page.locator(".contents a").count() >= 6
    page.locator(".contents a").last.click()
    assert page.url.endswith("#reading")
