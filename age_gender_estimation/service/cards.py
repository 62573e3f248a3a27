"""A PhotoResult -> HTML: the photo, and a card per face with its predictions.

Images are data: URLs inside the HTML, so no file is left behind.
"""

import base64
import html

import numpy as np

from age_gender_estimation.faces.photo import encode_jpeg
from age_gender_estimation.service.photo_result import PhotoResult
from age_gender_estimation.tasks.labels import INTERVAL_COVERAGE, LABELS

MAX_CARDS = 12  # of the largest faces; a photo of a crowd has hundreds
NO_FACE_HINT = "Faces should be upright and at least 20 pixels high."
PLOT_WIDTH, PLOT_HEIGHT = 360, 76  # units of the drawing, not pixels


def result_html(result: PhotoResult) -> str:
    """Returns a PhotoResult as HTML, or a message if it has no face."""
    photo = ""
    if result.image is not None:
        photo = (
            '<img class="photo" alt="the photo with the faces marked" '
            f'src="{_data_url(result.image, 85)}">'
        )
    error = result.records[0].error
    if error:
        text = f"This photo: {error}. {NO_FACE_HINT}" if photo else f"This file {error}."
        return message_html(text) + photo
    number = len(result.records)
    summary = "One face" if number == 1 else f"{number} faces"
    if number > MAX_CARDS:
        summary += f"; below are the {MAX_CARDS} largest, the others are only marked in the photo"
    cards = "".join(map(_card, result.records[:MAX_CARDS]))
    return f'{photo}<p class="summary">{summary}.</p><div class="cards">{cards}</div>'


def message_html(text: str) -> str:
    """Returns a sentence to the user as HTML."""
    return f'<p class="message" role="alert">{html.escape(text)}</p>'


def _card(record):
    lines = [_age_line(record)]
    for name, value in record.classes.items():
        shown = value if isinstance(value, str) else LABELS[name].class_names[value]
        lines.append(_line(name, shown, record.confidences[name]))
    face = (
        f'<img class="face" alt="face {record.face + 1}, as the model sees it" '
        f'src="{_data_url(record.crop, 90)}">'
    )
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
    return (
        f'<p class="line"><span class="name">{name}</span> <b>{value}</b> {bar} '
        f"{_percent(confidence)}</p>"
    )


def _percent(share):
    """Returns a probability as people read it; never 0% or 100%, because nothing is certain."""
    return "&lt;1%" if share < 0.01 else "&gt;99%" if share > 0.99 else f"{share:.0%}"


def _plot(record):
    """Returns the age distribution as an SVG with a bar per year, darker inside the interval.

    Without a distribution it returns "".
    """
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
        f'<svg viewBox="0 0 {PLOT_WIDTH} {PLOT_HEIGHT + 18}" role="img" aria-label="{caption}">'
        f'{paths}<path class="axis" d="M0 {PLOT_HEIGHT}H{PLOT_WIDTH}"/>'
        f'<path class="mark" d="M{mark:.1f} 0V{PLOT_HEIGHT}"/>'
        f'<text x="0" y="{PLOT_HEIGHT + 14}" class="unit">years</text>{ticks}'
        f'<text x="{PLOT_WIDTH}" y="10" class="caption">{caption}</text></svg>'
    )


def _data_url(image: np.ndarray, quality: int) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(encode_jpeg(image, quality)).decode()}"
