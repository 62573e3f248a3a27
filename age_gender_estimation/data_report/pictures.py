"""Pictures of what manifests hold: matplotlib figures of ages and classes, of sample faces, of contradicting labels.

In: the faces of evaluation.listed_faces. Out: Figures that no window shows and that need not be closed.
"""

import numpy as np
from matplotlib.figure import Figure

from age_gender_estimation.data_report.counts import UNLABELLED, class_columns, class_of
from age_gender_estimation.data_report.duplicates import conflicts_of
from age_gender_estimation.data_report.listed_images import load_picture
from age_gender_estimation.tasks.labels import LABELS

ROWS, COLUMNS = 4, 8
MAX_LINES = 4  # of labels under a picture that stands in many rows
MAX_NAME = 18  # characters of a manifest's name that fit under a picture
GENDER_COLORS = dict(zip(class_columns("gender"), ("#c8553d", "#2f6690", "#999999")))


def draw_ages(faces):
    """Returns the histogram of ages by year, stacked by source above and by gender below; some face must have an age."""
    figure = Figure(figsize=(11, 6.5), layout="constrained")
    figure.suptitle("Faces by year of age")
    upper, lower = figure.subplots(2, 1, sharex=True)
    sources = dict.fromkeys(face.source for face in faces)
    _stack_ages(
        upper,
        faces,
        lambda face: face.source,
        {name: f"C{number % 10}" for number, name in enumerate(sources)},
    )
    _stack_ages(lower, faces, lambda face: class_of(face, "gender"), GENDER_COLORS)
    lower.set_xlabel("age, years")
    return figure


def draw_gender_by_race(gender_by_race):
    """Returns bars of faces by race, one for each gender; `gender_by_race` is an entry of the report."""
    # Columns that nobody is in tell nothing here; the table has them.
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
        bars = axis.bar(
            positions,
            [gender_by_race[gender][race] for race in races],
            width,
            color=GENDER_COLORS[gender],
        )
        axis.bar_label(bars, fontsize=8)
    axis.set_xticks(range(len(races)), races)
    axis.set_ylabel("faces")
    axis.legend(genders)
    return figure


def choose_faces(faces, number, seed):
    """Returns `number` readable faces at random, or all where there are fewer, by age.

    Decades take turns, because few draws from all faces would show neither the youngest nor the oldest; faces without an
    age are a decade of their own, at the end.
    """
    decades = {}
    for index in np.random.default_rng(seed).permutation(len(faces)):
        face = faces[index]
        if face.content:
            age = face.labels["age"]
            decades.setdefault(LABELS["age"].highest if age is None else age // 10, []).append(face)
    turns = [
        face
        for _, _, face in sorted(
            (
                (turn, decade, face)
                for decade, members in decades.items()
                for turn, face in enumerate(members)
            ),
            key=lambda entry: entry[:2],
        )
    ]
    return sorted(turns[:number], key=lambda face: (face.labels["age"] is None, face.labels["age"]))


def draw_faces(faces):
    """Returns a grid of up to 32 readable faces with their labels beneath."""
    captions = [_labels_text(face) for face in faces]
    return _draw_grid(
        "Sample faces, drawn evenly over the decades of age", faces, captions, ROWS, COLUMNS
    )


def draw_conflicts(groups, columns=6, rows=3):
    """Returns the first pictures of the groups whose labels contradict each other, each with all its labels beneath.

    Args:
      groups: of evaluation.duplicates.find_duplicates; those without a contradiction or a readable picture do not count.
      columns, rows: size of the grid.

    Returns:
      A Figure, or None where no group qualifies.
    """
    chosen = [group for group in groups if conflicts_of(group) and group[0].content][
        : columns * rows
    ]
    captions = [_group_text(group) for group in chosen]
    title = "One picture, several labels"
    return (
        _draw_grid(title, [group[0] for group in chosen], captions, rows, columns)
        if chosen
        else None
    )


def _stack_ages(axis, faces, layer_of, colors):
    ages = {name: [] for name in colors}
    for face in faces:
        if face.labels["age"] is not None:
            ages[layer_of(face)].append(face.labels["age"])
    ages = {name: years for name, years in ages.items() if years}
    bins = np.arange(LABELS["age"].highest + 2) - 0.5
    axis.hist(list(ages.values()), bins, stacked=True, color=[colors[name] for name in ages])
    axis.set_ylabel("faces")
    axis.margins(x=0.01)
    # A legend takes neither a name that begins with _ nor one with $ as it is; its texts do.
    texts = axis.legend([str(number) for number in range(len(ages))]).get_texts()
    for text, (name, years) in zip(texts, ages.items()):
        text.set(text=f"{name}: {len(years)}", parse_math=False)


def _draw_grid(title, faces, captions, rows, columns):
    rows = min(rows, -(-len(faces) // columns))
    num_lines = max(caption.count("\n") + 1 for caption in captions)
    figure = Figure(
        figsize=(11, rows * (10.6 / columns + 0.17 * num_lines) + 0.5), layout="constrained"
    )
    figure.suptitle(title)
    for axis in (axes := figure.subplots(rows, columns, squeeze=False)).flat:
        axis.axis("off")
    for axis, face, caption in zip(axes.flat, faces, captions):
        axis.imshow(load_picture(face))
        axis.text(
            0.5,
            -0.03,
            caption,
            transform=axis.transAxes,
            ha="center",
            va="top",
            fontsize=8,
            parse_math=False,
        )
    return figure


def _labels_text(face):
    known = [LABELS[name].show(value) for name, value in face.labels.items() if value is not None]
    return " ".join(known) or UNLABELLED


def _group_text(group):
    lines = []
    for face in group[:MAX_LINES]:
        name = (
            face.source
            if len(face.source) <= MAX_NAME
            else f"\N{HORIZONTAL ELLIPSIS}{face.source[1 - MAX_NAME :]}"
        )
        lines.append(f"{_labels_text(face)}  ({name})")
    return "\n".join(
        [*lines, *([f"and {len(group) - MAX_LINES} more"] if len(group) > MAX_LINES else [])]
    )
