import json
import re
from html.parser import HTMLParser
from typing import Any

from auxcpvloss.looking.report.atlas import Atlas
from auxcpvloss.looking.report.page import Page, Section, as_html
from auxcpvloss.looking.report.verdict import Hint, Share, Verdict
from auxcpvloss.looking.table import DisplayTable

HOSTILE = """</script><script>alert("x")</script><img src=x onerror=alert(1)> ' " & <!--"""


class Elements(HTMLParser):
    """Start tags with their attributes, and the text of scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._is_script = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._is_script = tag == "script"
        if self._is_script:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._is_script = False

    def handle_data(self, data: str) -> None:
        if self._is_script:
            self.scripts[-1] += data


def case(volume: str) -> dict[str, Any]:
    return {
        "kind": "split", "volume": volume, "center": (1, 2, 3), "truth": (1,), "result": (2, 3), "size": 20,
        "neighbours": 3, "why": HOSTILE, "image": "data:image/webp;base64,AA==", "outlines": ["", "", "", ""],
        "points": [], "side": 7, "margin": 1, "pixel": 1.0, "planar": False,
    }  # fmt: skip


def page(text: str) -> Page:
    atlas = Atlas([case(text)], {text: (1, 1)}, {text: (1.0, 1.0, 1.0)})
    table = DisplayTable(text, [text, "AP"], [[text, 0.5], ["b", None]], [["mean", 1]], text)
    section = Section("scores", text, [text], [table], code=text, summary=text)
    verdict = Verdict(text, [Share(text, text, 1, 2)], [text], [Hint(text, "split", text)], [text])
    return Page(text, text, verdict, [section], atlas)


def test_text_of_files_never_becomes_part_of_the_page():
    hostile, plain = (Elements(as_html(page(text))) for text in (HOSTILE, "a"))
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in plain.tags]
    assert [sorted(attributes) for _, attributes in hostile.tags] == [sorted(each) for _, each in plain.tags]
    data, script = hostile.scripts
    assert (json.loads(data)["cases"][0]["volume"], script) == (HOSTILE, plain.scripts[1])


def test_nothing_is_loaded_and_only_what_is_known_runs():
    html = as_html(page("a"))
    elements = Elements(html)
    policy = next(each["content"] for tag, each in elements.tags if each.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy
    for tag, attributes in elements.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name != "style", tag
            if name in ("src", "href"):
                assert value is not None
                assert value.startswith(("#", "data:")), value
    assert not re.search(r"url\(\s*[\"']?(?!#)|@import|https?://(?!www\.w3\.org/)", html)


def test_numbers_are_told_from_text_and_gaps():
    html = as_html(page("a"))
    assert '<td data-value="0.5">0.500</td>' in html
    assert "<td>–</td>" in html
    assert '<td data-value="1">1</td>' in html


def test_a_page_may_have_no_errors_at_all():
    text = as_html(Page("a", "b", Verdict("c"), atlas=Atlas(volumes={"worm": (1200, 1000), "b": (1, 1)})))
    assert 'id="cards"' not in text
    assert "200 errors are left out" in text
    assert "Shown are 1,000 of 1,200 in worm, 1 of 1 in b: drawn at random" in text
    assert 'id="errors"' not in as_html(Page("a", "b", Verdict("c")))
