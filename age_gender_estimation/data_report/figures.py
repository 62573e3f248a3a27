"""Figures of what manifests hold: ages and classes, sample images, contradicting labels.

In: the images of data_report.listed_images. Out: matplotlib Figures, which no window shows.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from age_gender_estimation.data_report.counts import UNLABELLED, class_columns
from age_gender_estimation.data_report.duplicates import conflicts_of
from age_gender_estimation.data_report.listed_images import ListedImage, load_image
from age_gender_estimation.tasks.age_labels import middle_years
from age_gender_estimation.tasks.labels import LABELS

ROWS, COLUMNS = 4, 8
MAX_LINES = 4  # of labels under an image that many rows list
MAX_NAME = 18  # characters of a manifest's name that fit under an image
GENDER_COLORS = dict(zip(class_columns("gender"), ("#c8553d", "#2f6690", "#999999")))


def draw_gender_by_race(gender_by_race: Mapping[str, Mapping[str, int]]) -> Figure:
    """Returns bars of faces by race, one for each gender; `gender_by_race` is an entry of the
    report."""
    # Empty bars are left out; the table has their zeros.
    races = [
        race
        for race in class_columns("race")
        if any(counts[race] for counts in gender_by_race.values())
    ]
    genders = [gender for gender, counts in gender_by_race.items() if any(counts.values())]
    figure = Figure(figsize=(11, 3.8), layout="constrained")
    figure.suptitle("Faces by race and gender")
    axis = figure.subplots()
    width = 0.8 / len(genders)
    for number, gender in enumerate(genders):
        positions = np.arange(len(races)) + (number - (len(genders) - 1) / 2) * width
        counts = [gender_by_race[gender][race] for race in races]
        bars = axis.bar(positions, counts, width, color=GENDER_COLORS[gender])
        axis.bar_label(bars, fontsize=8)
    axis.set_xticks(range(len(races)), races)
    axis.set_ylabel("faces")
    axis.legend(genders)
    return figure


def choose_images(images: Sequence[ListedImage], number: int, seed: int) -> list[ListedImage]:
    """Returns `number` readable images drawn at random, or all where there are fewer, sorted by
    age.

    Decades take turns, because few draws from all images would show neither the youngest nor the
    oldest faces. A range counts by its middle. Images without an age are a decade of their own, at
    the end.
    """
    decades: dict[int, list[ListedImage]] = {}
    for index in np.random.default_rng(seed).permutation(len(images)):
        image = images[index]
        if image.content:
            age = _middle_year(image)
            decade = LABELS["age"].highest if age is None else age // 10
            decades.setdefault(decade, []).append(image)
    turns = [
        (turn, decade, image)
        for decade, members in decades.items()
        for turn, image in enumerate(members)
    ]
    chosen = [image for *_, image in sorted(turns, key=lambda entry: entry[:2])[:number]]
    return sorted(chosen, key=lambda image: (_middle_year(image) is None, _middle_year(image)))


def draw_sample(images: Sequence[ListedImage]) -> Figure:
    """Returns a grid of up to 32 readable images with their labels beneath."""
    title = "Sample faces, drawn evenly over the decades of age"
    return _draw_grid(title, images, list(map(_labels_text, images)), ROWS, COLUMNS)


def draw_conflicts(
    groups: Sequence[Sequence[ListedImage]], columns: int = 6, rows: int = 3
) -> Figure | None:
    """Returns the first images whose labels contradict each other, each with all its labels
    beneath.

    Args:
      groups: of data_report.duplicates.find_duplicates; those without a contradiction or a readable
        image are left out.
      columns, rows: size of the grid.

    Returns:
      A Figure, or None where no group is left.
    """
    chosen = [group for group in groups if conflicts_of(group) and group[0].content]
    chosen = chosen[: columns * rows]
    if not chosen:
        return None
    images, captions = [group[0] for group in chosen], list(map(_group_text, chosen))
    return _draw_grid("One image, several labels", images, captions, rows, columns)


def _middle_year(image: ListedImage) -> int | None:
    age = image.labels["age"]
    return None if age is None else middle_years(age)


def _draw_grid(title, images, captions, rows, columns):
    rows = min(rows, -(-len(images) // columns))
    num_lines = max(caption.count("\n") + 1 for caption in captions)
    height = rows * (10.6 / columns + 0.17 * num_lines) + 0.5
    figure = Figure(figsize=(11, height), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    style = {"ha": "center", "va": "top", "fontsize": 8, "parse_math": False}
    for axis, image, caption in zip(axes.flat, images, captions):
        axis.imshow(load_image(image))
        axis.text(0.5, -0.03, caption, transform=axis.transAxes, **style)
    return figure


def _labels_text(image):
    known = [LABELS[name].show(value) for name, value in image.labels.items() if value is not None]
    return " ".join(known) or UNLABELLED


def _group_text(group):
    lines = [f"{_labels_text(image)}  ({_short(image.source)})" for image in group[:MAX_LINES]]
    if len(group) > MAX_LINES:
        lines.append(f"and {len(group) - MAX_LINES} more")
    return "\n".join(lines)


def _short(name):
    return name if len(name) <= MAX_NAME else f"\N{HORIZONTAL ELLIPSIS}{name[1 - MAX_NAME :]}"
