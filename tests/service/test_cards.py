import numpy as np

from age_gender_estimation.predict.records import UNKNOWN, FaceRecord
from age_gender_estimation.service.cards import MAX_CARDS, message_html, result_html
from age_gender_estimation.service.photo_result import PhotoResult

IMAGE, CROP = np.zeros((50, 60, 3), np.uint8), np.zeros((16, 16, 3), np.uint8)


def face(number=0, **values):
    return FaceRecord("x.jpg", number, (1, 2, 30, 40), crop=CROP, **values)


def cards(*records):
    return result_html(PhotoResult(list(records), IMAGE))


def test_a_card_says_age_interval_and_classes_with_confidence():
    probabilities = np.array([0.0, 0.5, 0.3, 0.2], np.float32)
    text = cards(
        face(
            age=1.7,
            age_low=1,
            age_high=2,
            probability_under_18=0.256,
            age_probabilities=probabilities,
            classes={"gender": 1, "race": UNKNOWN},
            confidences={"gender": 0.874, "race": 0.995},
        )
    )
    for part in (
        "<b>2 years</b>",
        "80% between 1 and 2",
        "under 18: 26%",
        "<b>male</b>",
        "87%",
        f"<b>{UNKNOWN}</b>",
    ):
        assert part in text
    assert "&gt;99%" in text and "width:87%" in text and "One face." in text


def test_the_plot_has_a_bar_per_year_of_its_height_and_marks_the_interval():
    record = face(
        age=1.7,
        age_low=1,
        age_high=2,
        age_probabilities=np.array([0.0, 0.5, 0.25, 0.25], np.float32),
    )
    text = cards(record)
    # Bars are 360 / 4 = 90 wide; the highest reaches the top, 0 of 76, those half as likely 38.
    assert '<path class="inside" d="M90.0 76V0.0h90.0V76ZM180.0 76V38.0h90.0V76Z"/>' in text
    assert '<path class="outside" d="M0.0 76V76.0h90.0V76ZM270.0 76V38.0h90.0V76Z"/>' in text
    assert 'class="mark" d="M198.0 0V76"' in text  # the middle of year 1.7: 2.2 * 90


def test_models_that_say_less_get_cards_with_less():
    without = cards(face(age=30.2))
    assert "<b>30 years</b>" in without and "<svg" not in without and "80%" not in without
    groups = cards(face(age_group="27-52", confidences={"age_group": 0.5}))
    assert "<b>27-52 years</b>" in groups and "50%" in groups
    assert "<article>" in cards(face(classes={"gender": 0}, confidences={"gender": 0.6}))


def test_a_crowd_is_capped_and_says_so():
    text = cards(*(face(number, age=30.0) for number in range(100)))
    assert (
        text.count("<article>") == MAX_CARDS
        and f"100 faces; below are the {MAX_CARDS} largest" in text
    )


def test_what_went_wrong_is_one_sentence():
    text = result_html(PhotoResult([FaceRecord("x", error="cannot be read: the file is empty")]))
    assert (
        text == '<p class="message" role="alert">This file cannot be read: the file is empty.</p>'
    )
    text = result_html(PhotoResult([FaceRecord("x", error="no face found")], IMAGE))
    assert (
        text.startswith('<p class="message" role="alert">This photo: no face found.')
        and "<img" in text
    )
    assert "<script>" not in message_html("<script>")
