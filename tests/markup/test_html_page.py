import base64
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure

from age_gender_estimation.markup.html_page import Table, page


class Reader(HTMLParser):
    """Collects cells, headings and pictures, and fails on tags that do not close in order."""

    def __init__(self, text):
        super().__init__()
        self.open_tags, self.texts, self.attributes = [], [], []
        self.feed(text)
        assert not self.open_tags

    def handle_starttag(self, tag, attributes):
        self.attributes.append((tag, dict(attributes)))
        if tag not in ("meta", "img"):
            self.open_tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open_tags.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.append((self.open_tags[-1], data))


def draw(title=""):
    figure = Figure(figsize=(2, 1), dpi=50)
    figure.suptitle(title)
    figure.subplots().plot([1, 2])
    return figure


def test_parts_stand_in_order_under_their_headings():
    text = page(
        "All",
        [("One", ["first", Table(("name", "n"), [("a", 1), ("share", "9%")])]), ("Two", [draw()])],
    )
    reader = Reader(text)
    wanted = [entry for entry in reader.texts if entry[0] not in ("title", "style")]
    assert wanted == [
        *[("h1", "All"), ("h2", "One"), ("p", "first"), ("th", "name"), ("th", "n")],
        *[("td", "a"), ("td", "1"), ("td", "share"), ("td", "9%"), ("h2", "Two")],
    ]
    # The column of numbers, its header and its share stand to the right.
    assert [
        attributes.get("class") for tag, attributes in reader.attributes if tag in ("th", "td")
    ] == [None, "number"] * 3


def test_every_text_is_escaped():
    odd = """<b>&"'</td>"""
    reader = Reader(page(odd, [(odd, [odd, Table((odd,), [(odd,)]), draw(odd)])]))
    assert [tag for tag, text in reader.texts if text == odd] == [
        "title",
        "h1",
        "h2",
        "p",
        "th",
        "td",
    ]
    assert [attributes["alt"] for tag, attributes in reader.attributes if tag == "img"] == [odd]


def test_a_picture_is_inside_and_named_by_its_title_or_the_heading():
    reader = Reader(page("t", [("Ages", [draw("By year"), draw()])]))
    images = [attributes for tag, attributes in reader.attributes if tag == "img"]
    assert [attributes["alt"] for attributes in images] == ["By year", "Ages"]
    data = base64.b64decode(images[0]["src"].removeprefix("data:image/png;base64,"), validate=True)
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape == (50, 100, 3)


def test_nothing_is_loaded_from_anywhere():
    text = page("t", [("h", ["text", Table(("a",), []), draw()])])
    assert not re.search(r"https?://|\burl\(|@import|<script|<link", text)
    for _, attributes in Reader(text).attributes:
        assert "href" not in attributes and attributes.get("src", "data:").startswith("data:")


def test_a_part_of_another_type_is_refused():
    with pytest.raises(TypeError, match="expected a str, a Table or a matplotlib Figure, got dict"):
        page("t", [("h", [{}])])
