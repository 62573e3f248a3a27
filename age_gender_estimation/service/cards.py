"""Answers as HTML: the picture, and a card per face with its age distribution. In: an Answer. Out: text.

Pictures stand in the text itself as data: URLs, so that an answer leaves no file behind.
"""

import base64
import html

from age_gender_estimation.faces.photo import encode_jpeg
from age_gender_estimation.predict.photos import UNKNOWN
from age_gender_estimation.tasks.labels import INTERVAL_COVERAGE, LABELS

MAX_CARDS = 12  # of the largest faces; a photo of a crowd has hundreds
NO_FACE_HINT = "Faces should be upright and at least 20 pixels high."
PLOT_WIDTH, PLOT_HEIGHT = 360, 76  # units of the drawing, not pixels


def answer_html(answer):
    """Returns an Answer as HTML; where there is none, what went wrong."""
    parts = []
    if answer.picture is not None:
        parts.append(
            f'<img class="photo" alt="the photo with the faces marked" src="{_data_url(answer.picture, 85)}">'
        )
    if answer.records[0].error:
        error = answer.records[0].error
        text = (
            f"This file {error}."
            if answer.picture is None
            else f"This photo: {error}. {NO_FACE_HINT}"
        )
        return message_html(text) + "".join(parts)
    number = len(answer.records)
    summary = "One face" if number == 1 else f"{number} faces"
    if number > MAX_CARDS:
        summary += f"; below are the {MAX_CARDS} largest, the others are marked in the picture only"
    parts.append(f'<p class="summary">{summary}.</p><div class="cards">')
    parts.extend(
        _card(record, crop) for record, crop in list(zip(answer.records, answer.crops))[:MAX_CARDS]
    )
    return "".join([*parts, "</div>"])


def message_html(text):
    """Returns a sentence to the user as HTML."""
    return f'<p class="message" role="alert">{html.escape(text)}</p>'


def _card(record, crop):
    lines = [_age_line(record)]
    for name, value in record.classes.items():
        shown = value if value == UNKNOWN else LABELS[name].class_names[value]
        lines.append(_line(name, shown, record.confidences[name]))
    face = f'<img class="face" alt="face {record.face + 1}, as the model sees it" src="{_data_url(crop, 90)}">'
    return f'<article>{face}<div class="lines">{"".join(lines)}</div>{_plot(record)}</article>'


def _age_line(record):
    if record.age is None:
        if record.age_group is None:
            return ""
        return _line("age", f"{record.age_group} years", record.confidences["age_group"])
    notes = []
    if record.age_low is not None:
        notes.append(f"{INTERVAL_COVERAGE:.0%} between {record.age_low} and {record.age_high}")
    if record.probability_under_18 is not None:
        notes.append(f"under 18: {_percent(record.probability_under_18)}")
    return f'<p class="age"><b>{round(record.age)} years</b><br>{" · ".join(notes)}</p>'


def _line(name, value, confidence):
    bar = f'<span class="bar"><span style="width:{confidence:.0%}"></span></span>'
    return f'<p class="line"><span class="name">{name}</span> <b>{value}</b> {bar} {_percent(confidence)}</p>'


def _percent(share):
    """Returns a probability as people read it; never 0% or 100%, which nothing here is."""
    return "&lt;1%" if share < 0.01 else "&gt;99%" if share > 0.99 else f"{share:.0%}"


def _plot(record):
    """Returns the age distribution as an SVG, a bar per year, those of the interval darker; "" where there is none."""
    if record.age_probabilities is None:
        return ""
    shares = record.age_probabilities / record.age_probabilities.max()
    width = PLOT_WIDTH / len(shares)
    bars = {"inside": "", "outside": ""}
    for year, share in enumerate(shares):
        is_inside = record.age_low is not None and record.age_low <= year <= record.age_high
        left, top = year * width, (1 - float(share)) * PLOT_HEIGHT
        bars["inside" if is_inside else "outside"] += (
            f"M{left:.1f} {PLOT_HEIGHT}V{top:.1f}h{width:.1f}V{PLOT_HEIGHT}Z"
        )
    paths = "".join(f'<path class="{name}" d="{path}"/>' for name, path in bars.items())
    ticks = "".join(
        f'<text x="{(year + 0.5) * width:.1f}" y="{PLOT_HEIGHT + 14}">{year}</text>'
        for year in range(20, len(shares) - 5, 20)
    )
    caption = "how likely each age is" + f"; dark: {INTERVAL_COVERAGE:.0%}" * bool(bars["inside"])
    mark = (record.age + 0.5) * width
    return (
        f'<svg viewBox="0 0 {PLOT_WIDTH} {PLOT_HEIGHT + 18}" role="img" aria-label="{caption}">{paths}'
        f'<path class="axis" d="M0 {PLOT_HEIGHT}H{PLOT_WIDTH}"/><path class="mark" d="M{mark:.1f} 0V{PLOT_HEIGHT}"/>'
        f'<text x="0" y="{PLOT_HEIGHT + 14}" class="unit">years</text>{ticks}'
        f'<text x="{PLOT_WIDTH}" y="10" class="caption">{caption}</text></svg>'
    )


def _data_url(image, quality):
    return f"data:image/jpeg;base64,{base64.b64encode(encode_jpeg(image, quality)).decode()}"
