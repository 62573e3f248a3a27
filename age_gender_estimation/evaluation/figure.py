"""The figure of an evaluation: crops with their labels, and true against predicted age."""

import matplotlib
import numpy as np
from matplotlib.axes import Axes

from age_gender_estimation.evaluation.predictions import Predictions
from age_gender_estimation.evaluation.ranges import RangeScores, score_ranges, years_from_ranges
from age_gender_estimation.faces.photo import UnreadablePhoto, decode_photo, read_photo
from age_gender_estimation.storage.files import write_file
from age_gender_estimation.tasks.age_labels import age_label

ROWS, COLUMNS = 4, 8
MAX_YEARS = 10  # of an error that is not red


def draw_evaluation(predictions: Predictions, path: str, seed: int = 0) -> None:
    """Writes a PNG: a grid of 32 crops with their labels beneath (red if wrong), and an age plot.

    Args:
      predictions: what to draw.
      path: the file to write.
      seed: of the random choice of crops.
    """
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(20, 9), layout="constrained")
    grid, plot = figure.subfigures(1, 2, width_ratios=(2, 1.15))
    chosen = np.random.default_rng(seed).permutation(len(predictions.paths))[: ROWS * COLUMNS]
    for axis, index in zip(grid.subplots(ROWS, COLUMNS).flat, [*chosen, *[None] * ROWS * COLUMNS]):
        axis.axis("off")
        if index is not None:
            _draw_crop(axis, predictions, index)
    grid.suptitle(
        "true \N{RIGHTWARDS ARROW} predicted "
        f"(red: wrong class, or more than {MAX_YEARS} years off)"
    )
    if "age" in predictions.predicted:
        draw_ages(plot.subplots(), predictions, score_ranges(predictions))
    write_file(path, lambda file: figure.savefig(file, dpi=80, format="png"))
    pyplot.close(figure)


def _draw_crop(axis, predictions, index):
    try:
        axis.imshow(decode_photo(read_photo(predictions.paths[index])))
    except UnreadablePhoto:  # TensorFlow reads some that OpenCV does not, such as GIF
        axis.text(0.5, 0.5, "not shown", ha="center", transform=axis.transAxes)
    true_texts, predicted_texts, is_wrong = [], [], False
    for name, label in predictions.labels.items():
        true, predicted = predictions.true[name][index], predictions.predicted[name][index]
        first, last = predictions.ranges[index] if name == "age" else (np.nan, np.nan)
        predicted_texts.append(label.show(int(round(predicted))))
        if not np.isnan(first):
            true_texts.append(label.show(age_label(int(first), int(last))))
            is_wrong |= bool(abs(years_from_ranges(predicted, first, last)) > MAX_YEARS)
        elif np.isnan(true):
            true_texts.append("?")
        else:
            true_texts.append(label.show(int(true)))
            is_wrong |= abs(true - predicted) > (MAX_YEARS if name == "age" else 0)
    text = f"{' '.join(true_texts)}\n\N{RIGHTWARDS ARROW} {' '.join(predicted_texts)}"
    axis.set_title(text, fontsize=9, y=-0.28, color="firebrick" if is_wrong else "black")


def draw_ages(axis: Axes, predictions: Predictions, scores: RangeScores) -> None:
    """Draws true against predicted ages: a dot per year, a box per class of ranges.

    A box is as wide as its range and as high as the middle 80% of the predictions for it; the line
    in it is their median.
    """
    is_year = ~np.isnan(predictions.true["age"])
    is_range = ~np.isnan(predictions.ranges[:, 0])
    true, predicted = predictions.true["age"][is_year], predictions.predicted["age"]
    highest = max([1, *true, *predictions.ranges[is_range, 1], *predicted]) * 1.03
    axis.plot([0, highest], [0, highest], color="grey", linewidth=1)
    axis.scatter(true, predicted[is_year], s=8, alpha=0.35)
    for name in filter(None, dict.fromkeys(scores.names)):
        members = scores.names == name
        first, last = predictions.ranges[members][0]
        low, middle, high = np.percentile(predicted[members], [10, 50, 90])
        axis.fill_between([first, last], low, high, color="C1", alpha=0.3, linewidth=0)
        axis.plot([first, last], [middle, middle], color="C1", linewidth=2)
    titles = []
    if is_year.any():
        error = np.abs(true - predicted[is_year]).mean()
        titles.append(f"{is_year.sum()} faces, MAE {error:.2f} years")
    if is_range.any():
        outside = np.abs(scores.years_off[is_range]).mean()
        titles.append(f"{is_range.sum()} faces with ranges, {outside:.2f} years outside")
    axis.set(
        xlim=(0, highest),
        ylim=(0, highest),
        xlabel="true age, years",
        ylabel="predicted age, years",
        aspect="equal",
        title="\n".join(titles) or "no age is labelled",
    )
