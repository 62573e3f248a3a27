"""The picture of an evaluation: faces with true and predicted labels, and true against predicted
age."""

import matplotlib
import numpy as np

from age_gender_estimation.faces.photo import UnreadablePhoto, decode_photo, read_photo
from age_gender_estimation.storage.files import write_file

ROWS, COLUMNS = 4, 8


def draw_evaluation(predictions, path, seed=0):
    """Writes a PNG: a grid of 32 faces drawn at random, their labels beneath (wrong ones red), and
    an age scatter plot.

    Args:
      predictions: evaluation.predictions.Predictions.
      path: the file to write.
      seed: of the choice of faces.
    """
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(20, 9), layout="constrained")
    grid, plot = figure.subfigures(1, 2, width_ratios=(2, 1.15))
    chosen = np.random.default_rng(seed).permutation(len(predictions.paths))[: ROWS * COLUMNS]
    for axis, index in zip(grid.subplots(ROWS, COLUMNS).flat, [*chosen, *[None] * ROWS * COLUMNS]):
        axis.axis("off")
        if index is not None:
            _draw_face(axis, predictions, index)
    grid.suptitle(
        "true \N{RIGHTWARDS ARROW} predicted (red: wrong class, or more than 10 years off)"
    )
    if "age" in predictions.predicted and not np.isnan(predictions.true["age"]).all():
        _draw_ages(plot.subplots(), predictions)
    write_file(path, lambda file: figure.savefig(file, dpi=80, format="png"))
    pyplot.close(figure)


def _draw_face(axis, predictions, index):
    try:
        axis.imshow(decode_photo(read_photo(predictions.paths[index])))
    except UnreadablePhoto:  # TensorFlow reads some that OpenCV does not, such as GIF
        axis.text(0.5, 0.5, "not shown", ha="center", transform=axis.transAxes)
    truth, answer, is_wrong = [], [], False
    for name, answers in predictions.predicted.items():
        true, predicted = predictions.true[name][index], int(round(answers[index]))
        is_known = not np.isnan(true)
        label = predictions.labels[name]
        truth.append(label.show(int(true)) if is_known else "?")
        answer.append(label.show(predicted))
        is_wrong |= is_known and abs(true - answers[index]) > (10 if name == "age" else 0)
    text = f"{' '.join(truth)}\n\N{RIGHTWARDS ARROW} {' '.join(answer)}"
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
