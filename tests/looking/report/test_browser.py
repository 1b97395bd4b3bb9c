"""The page in a real browser, from file://, with mouse and with keyboard alone, wide and narrow."""

import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auxcpvloss.experiment.outcome import Outcome
from auxcpvloss.looking.report.atlas import BYTES, Atlas, as_webp
from auxcpvloss.looking.report.cases import cases_of_instances
from auxcpvloss.looking.report.page import Page, Picture, Section, as_html
from auxcpvloss.looking.report.verdict import Hint, Share, Verdict
from auxcpvloss.looking.table import DisplayTable
from auxcpvloss.metrics import Comparison
from tests.conftest import blobs

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if CHROMIUM is None:
    pytest.skip("there is no Chromium (apt-get install chromium)", allow_module_level=True)
api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install playwright)")

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
WIDE, NARROW = (pytest.mark.parametrize("page", [width], indirect=True) for width in (1400, 400))
HOSTILE = "<script>document.title = 'taken over'</script>"


@cache
def errors() -> Atlas:
    """Some forty errors of every kind, on two volumes."""
    atlas = Atlas(unit="micrometer")
    for seed, name in enumerate(("worm_1", HOSTILE)):
        truth = blobs((30, 40, 60), 40, seed=seed, radius=5.0)
        result = np.where(truth % 5 == 0, 0, truth // 2 * 2)
        result[truth == 7] = np.where(np.indices(truth.shape)[2][truth == 7] % 2, 200, 201)
        raw = (truth > 0) + np.random.default_rng(0).normal(0, 0.2, truth.shape)
        compared = Comparison(result, truth)
        atlas.add(Outcome(name, raw, compared), cases_of_instances(compared), 9.0, BYTES)
    return atlas


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report."""
    rows = [["worm_10", None, 100, "0.35"], ["worm_1", 0.5, 10, "0.71–0.80"], ["worm_2", 0.75, 9, "0.9"]]
    table = DisplayTable("Test volumes", ["volume", "AP", "TP", "range"], rows, [["mean", 0.625, None, None]])
    wide = DisplayTable("Wide", [f"column {number}" for number in range(30)], [[0.5] * 30])
    image = as_webp(np.zeros((400, 1200), np.uint8), 50)
    path = tmp_path_factory.mktemp("report") / "report.html"
    page = Page(
        f"A report: {HOSTILE}",
        "checkpoint 1",
        Verdict(
            "1 of 2 true nuclei was found.", [Share("found", "missed", 1, 1)], ["a"], [Hint("Look", "merge", "worm_1")]
        ),
        [Section("scores", "Scores", tables=[table, wide], pictures=[Picture(image, "a picture", "gray")])],
        errors(),
        [Section("configuration", "Configuration", code="key = 1\n" * 50, summary="The whole configuration")],
    )
    path.write_text(as_html(page), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(params=[1400, 400])
def page(request: pytest.FixtureRequest, browser: Any, file: Path) -> Iterator[Any]:
    """The report as opened; at the end nothing may have gone wrong, or have been asked for elsewhere."""
    told: list[str] = []
    opened = browser.new_page(viewport={"width": request.param, "height": 800})
    opened.on("console", lambda message: told.append(message.text))
    opened.on("pageerror", lambda error: told.append(str(error)))
    opened.on("request", lambda asked: None if asked.url.startswith("data:") or asked.url == file.as_uri() else told.append(asked.url))  # fmt: skip
    opened.set_default_timeout(5_000)
    opened.goto(file.as_uri())
    yield opened
    opened.close()
    assert told == []


def names(page: Any) -> list[str]:
    return [cell.inner_text() for cell in page.query_selector_all("#scores table:first-of-type >> nth=0 >> tbody th")]


def test_the_page_is_no_wider_than_the_window(page):
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]
    assert page.title() == f"A report: {HOSTILE}"
    page.click(".card >> nth=0")
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]
    box, height = page.locator("dialog").bounding_box(), page.viewport_size["height"]
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= page.viewport_size["width"]
    assert box["height"] <= height


@WIDE
def test_a_click_sorts_the_table(page):
    heading = page.locator("#scores th", has_text="AP").first
    assert heading.get_attribute("aria-sort") is None
    heading.locator("button").click()
    assert (heading.get_attribute("aria-sort"), names(page)) == ("descending", ["worm_2", "worm_1", "worm_10"])
    heading.locator("button").click()
    assert (heading.get_attribute("aria-sort"), names(page)) == ("ascending", ["worm_1", "worm_2", "worm_10"])
    page.locator("#scores th", has_text="range").first.locator("button").click()
    assert heading.get_attribute("aria-sort") is None
    assert names(page) == ["worm_10", "worm_1", "worm_2"]
    assert page.locator("#scores tfoot th").first.inner_text() == "mean"


@NARROW
def test_the_keyboard_sorts_the_table(page):
    page.locator("#scores th button").nth(2).focus()
    page.keyboard.press("Enter")
    assert names(page) == ["worm_10", "worm_1", "worm_2"]
    page.keyboard.press("Space")
    assert names(page) == ["worm_2", "worm_1", "worm_10"]
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert names(page) == ["worm_1", "worm_2", "worm_10"]


def test_a_mouse_goes_through_the_atlas(page):
    number = len(errors().cases)
    assert page.inner_text("#count") == f"24 of {number} errors are shown."
    page.click("#more")
    assert page.locator(".card").count() == min(48, number)
    for kind in ("merge", "split", "false positive", "false negative"):
        page.locator(".pills label", has_text=kind).click()
        shown = [case for case in errors().cases if case["kind"] == kind]
        assert shown
        assert page.locator(".card").count() == min(24, len(shown))
        assert f"of {len(shown)} errors" in page.inner_text("#count")
    page.select_option("select[name=volume]", HOSTILE)
    shown = [case for case in errors().cases if case["kind"] == "false negative" and case["volume"] == HOSTILE]
    assert page.locator(".card").count() == min(24, len(shown))
    sizes = [int(text.split()[0].replace(",", "")) for text in page.locator(".card small", has_text="voxel").all_inner_texts()]  # fmt: skip
    assert sizes == sorted((case["size"] for case in shown), reverse=True)[:24]
    page.select_option("select[name=order]", "neighbours-up")
    near = [int(text.split()[0]) for text in page.locator(".card small", has_text="around").all_inner_texts()]
    assert near == sorted(case["neighbours"] for case in shown)[:24]
    page.click(".card >> nth=0")
    assert page.locator("dialog").is_visible()
    assert HOSTILE in page.inner_text("#enlarged-facts")
    page.click("#next")
    assert page.inner_text("#enlarged-place") == f"2 of {len(shown)}"
    page.click("#close")
    assert not page.locator("dialog").is_visible()


def test_the_keyboard_goes_through_the_atlas(page):
    number = len(errors().cases)
    page.locator(".pills input").first.focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "volume"
    page.locator(".card").first.focus()
    page.keyboard.press("Enter")
    assert page.inner_text("#enlarged-place") == f"1 of {number}"
    page.keyboard.press("ArrowLeft")
    for step in range(2, 27):
        page.keyboard.press("ArrowRight")
        assert page.inner_text("#enlarged-place") == f"{step} of {number}"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Escape")
    assert not page.locator("dialog").is_visible()
    # Where one was is where one goes on, also beyond what was shown.
    page.wait_for_function("[...document.querySelectorAll('.card')].indexOf(document.activeElement) === 24")
    page.keyboard.press("Enter")
    assert page.inner_text("#enlarged-place") == f"25 of {number}"
    assert page.locator("dialog path.truth").first.is_visible()
    page.keyboard.press("o")
    assert not page.locator("dialog path.truth").first.is_visible()
    page.keyboard.press("o")
    page.keyboard.press("Escape")


@WIDE
def test_a_hint_shows_its_errors(page):
    page.click(".show")
    shown = [case for case in errors().cases if case["kind"] == "merge" and case["volume"] == "worm_1"]
    assert page.inner_text("#count") == f"{min(24, len(shown))} of {len(shown)} errors are shown."
    assert page.evaluate("document.activeElement.className") == "card"


def test_pictures_and_outlines_are_there(page):
    page.wait_for_function("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
    card = page.locator(".card").first
    assert card.locator("image").get_attribute("href").startswith("data:image/webp;base64,")
    assert card.locator("path.truth, path.result").count() >= 3
    assert "µm" in card.locator("text").last.text_content()
    assert "µm³)" in card.inner_text()


@WIDE
def test_it_prints_with_what_is_folded(page):
    assert page.locator("details[open]").count() == 0
    assert len(page.pdf()) > 10_000
    assert page.locator("details[open]").count() == 1
    page.emulate_media(media="print")
    assert not page.locator("#filters").is_visible()
    assert page.locator(".card").first.is_visible()


def test_a_script_that_is_not_known_does_not_run(browser, file, tmp_path):
    """Even if text could get into the page: the policy has the checksums of its own script and style alone."""
    html = file.read_text(encoding="utf-8").replace("<main>", "<main><script>document.title = 'other'</script><p style='color: red'>x</p>")  # fmt: skip
    (tmp_path / "changed.html").write_text(html, encoding="utf-8")
    page, told = browser.new_page(), []
    page.on("console", lambda message: told.append(message.text))
    page.goto((tmp_path / "changed.html").as_uri())
    assert page.title() != "other"
    assert sum("Content Security Policy" in text for text in told) == 2
    page.close()
