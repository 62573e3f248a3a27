"""The figure of the ages that manifests list: years by manifest and gender, and ranges.

In: the images of data_report.listed_images. Out: a matplotlib Figure, which no window shows.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from age_gender_estimation.data_report.counts import class_of
from age_gender_estimation.data_report.figures import GENDER_COLORS
from age_gender_estimation.data_report.listed_images import ListedImage
from age_gender_estimation.tasks.age_labels import first_years, is_one_year, last_years
from age_gender_estimation.tasks.labels import LABELS


def draw_ages(images: Sequence[ListedImage]) -> Figure:
    """Returns the histogram of ages by year: above by manifest, below by gender. Some image must
    have an age.

    Ages that are ranges are in a third panel: a bar as wide as the range, as high as its faces per
    year. A panel of years is left out where all ages are ranges.
    """
    labelled = [image for image in images if image.labels["age"] is not None]
    years = [image for image in labelled if is_one_year(image.labels["age"])]
    ranges = [image for image in labelled if not is_one_year(image.labels["age"])]
    num_panels = 2 * bool(years) + bool(ranges)
    figure = Figure(figsize=(11, 3.25 * num_panels), layout="constrained")
    figure.suptitle("Faces by year of age")
    panels = figure.subplots(num_panels, 1, sharex=True, squeeze=False)[:, 0]
    sources = dict.fromkeys(image.source for image in images)
    colors = {name: f"C{number % 10}" for number, name in enumerate(sources)}
    if years:
        _stack_ages(panels[0], years, lambda image: image.source, colors)
        _stack_ages(panels[1], years, lambda image: class_of(image, "gender"), GENDER_COLORS)
    if ranges:
        _draw_ranges(panels[-1], ranges, colors)
    panels[-1].set_xlabel("age, years")
    return figure


def _stack_ages(
    axis: Axes,
    images: Sequence[ListedImage],
    layer_of: Callable[[ListedImage], str],
    colors: Mapping[str, str],
) -> None:
    by_layer: dict[str, list] = {name: [] for name in colors}
    for image in images:
        by_layer[layer_of(image)].append(image.labels["age"])
    ages = {name: years for name, years in by_layer.items() if years}
    bins = (np.arange(LABELS["age"].highest + 2) - 0.5).tolist()
    axis.hist(list(ages.values()), bins, stacked=True, color=[colors[name] for name in ages])
    axis.set_ylabel("faces")
    axis.margins(x=0.01)
    _add_legend(axis, {name: len(years) for name, years in ages.items()})


def _draw_ranges(axis: Axes, images: Sequence[ListedImage], colors: Mapping[str, str]) -> None:
    found = Counter((image.source, image.labels["age"]) for image in images)
    counts: dict[str, int] = dict.fromkeys(dict.fromkeys(image.source for image in images), 0)
    for source in counts:
        ages = [age for name, age in found if name == source]
        faces = [found[source, age] for age in ages]
        first, last = first_years(np.array(ages)), last_years(np.array(ages))
        width = last - first + 1
        bars = axis.bar(first - 0.5, np.array(faces) / width, width, align="edge")
        for bar in bars:
            bar.set(facecolor=colors[source], alpha=0.5, edgecolor="white")
        counts[source] = sum(faces)
    axis.set_ylabel("faces per year of the range")
    _add_legend(axis, counts)


def _add_legend(axis: Axes, counts: Mapping[str, int]) -> None:
    # A legend drops a name that begins with _ and reads $ as mathematics; its texts can be set as
    # they are.
    texts = axis.legend([str(number) for number in range(len(counts))]).get_texts()
    for text, (name, count) in zip(texts, counts.items()):
        text.set(text=f"{name}: {count}", parse_math=False)
