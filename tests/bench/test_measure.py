"""The harness on known numbers; and both sides of the preprocessing benchmark do equal work."""

import cv2
import numpy as np
import pytest

from bench import article, measure
from bench.profile_step import op_table
from bench.samples import write_images, write_mat


def test_sides_take_turns_that_are_reversed_from_round_to_round():
    order = []
    sides = {
        name: lambda name=name: order.append(name) or len(order) for name in ("ours", "baseline")
    }
    assert measure.alternate(sides, 3) == {"ours": [1, 4, 5], "baseline": [2, 3, 6]}
    assert order == ["ours", "baseline", "baseline", "ours", "ours", "baseline"]


def test_a_ratio_is_the_median_of_the_rounds_ratios():
    # 30/10, 8/8, 20/10: sorted 1, 2, 3. The medians have this ratio, too.
    row = measure.compare("x", [30.0, 8.0, 20.0], [10.0, 8.0, 10.0], "images/s", goal=2.0)
    assert (row.ours, row.baseline, row.ratio, row.is_met) == (20.0, 10.0, 2.0, True)
    assert not measure.compare(
        "x", [30.0, 8.0, 20.0], [10.0, 8.0, 10.0], "images/s", goal=2.1
    ).is_met


def test_of_times_the_smaller_is_better():
    # 9/3, 2/4, 5/1: sorted 0.5, 3, 5; of the medians it would be 5/3.
    assert measure.compare("x", [3.0, 4.0, 1.0], [9.0, 2.0, 5.0], "s", is_time=True).ratio == 3.0


def test_the_table_says_which_goals_are_met():
    rows = [
        measure.compare("reading", [3000.0], [1500.0], "images/s", goal=1.7),
        measure.limit("latency", [30.0], "ms", 25),
        measure.limit("imports", [2.345], "s"),
    ]
    assert measure.table(rows).splitlines()[2:] == [
        "| reading | 3,000 images/s | 1,500 images/s | 2.00 | at least 1.7x | yes |",
        "| latency | 30 ms |  |  | under 25 | **no** |",
        "| imports | 2.35 s |  |  |  |  |",
    ]


def test_op_types_are_listed_from_the_most_expensive():
    lines = op_table({"Mul": 1000, "Conv2D": 3000, "Add": 10}, steps=2, top=2).splitlines()[2:]
    assert [line.split(" | ")[:2] for line in lines] == [["| Conv2D", "1.5"], ["| Mul", "0.5"]]


def test_a_side_runs_in_its_own_process_and_its_failure_is_reported():
    assert measure.fresh("bench.measure:show", number=1234.5) == "1,234"
    with pytest.raises(measure.BrokenSide, match="TypeError"):
        measure.fresh("bench.measure:show", number="no number")


def test_the_articles_loop_and_ours_make_equal_crops(tmp_path, script):
    photos, mat, theirs, ours = (
        tmp_path / name for name in ("photos", "imdb.mat", "theirs", "ours")
    )
    write_mat(mat, write_images(photos, 20, 256))
    theirs.mkdir()
    kept = article.preprocess(mat, photos, theirs)
    files = ("--db-path", mat, "--photo-dir", photos, "--output-dir", ours)
    script("preprocess_imdb.py", *files, "--img-size", article.SIZE, "--workers", 1)
    made = sorted(path.relative_to(ours) for path in ours.glob("crop/*/*"))
    # Of 20 records numbers 3 and 13 have a low face score, 7 and 17 a second face.
    assert len(made) == kept == 16
    assert made == sorted(path.relative_to(theirs) for path in theirs.glob("crop/*/*"))
    for name in made:
        difference = cv2.imread(str(ours / name)).astype(int) - cv2.imread(str(theirs / name))
        assert np.abs(difference).max() <= 2  # both are JPEGs of quality 95 of the same pixels
