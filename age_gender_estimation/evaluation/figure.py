"""The figure of an evaluation: crops with their labels, and true against predicted age."""

import matplotlib
import numpy as np

from age_gender_estimation.evaluation.predictions import Predictions
from age_gender_estimation.faces.photo import UnreadablePhoto, decode_photo, read_photo
from age_gender_estimation.storage.files import write_file

ROWS, COLUMNS = 4, 8


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
        "true \N{RIGHTWARDS ARROW} predicted (red: wrong class, or more than 10 years off)"
    )
    if "age" in predictions.predicted and not np.isnan(predictions.true["age"]).all():
        _draw_ages(plot.subplots(), predictions)
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
        is_known = not np.isnan(true)
        true_texts.append(label.show(int(true)) if is_known else "?")
        predicted_texts.append(label.show(int(round(predicted))))
        is_wrong |= is_known and abs(true - predicted) > (10 if name == "age" else 0)
    text = f"{' '.join(true_texts)}\n\N{RIGHTWARDS ARROW} {' '.join(predicted_texts)}"
    axis.set_title(text, fontsize=9, y=-0.28, color="firebrick" if is_wrong else "black")


def _draw_ages(axis, predictions):
    labelled = ~np.isnan(predictions.true["age"])
    true, predicted = predictions.true["age"][labelled], predictions.predicted["age"][labelled]
    highest = max(true.max(initial=1), predicted.max(initial=1)) * 1.03
    axis.plot([0, highest], [0, highest], color="grey", linewidth=1)
    axis.scatter(true, predicted, s=8, alpha=0.35)
    axis.set(
        xlim=(0, highest),
        ylim=(0, highest),
        xlabel="true age, years",
        ylabel="predicted age, years",
        aspect="equal",
        title=f"{labelled.sum()} faces, MAE {np.abs(true - predicted).mean():.2f} years",
    )
