"""Preprocessing beside the article's loop and bare OpenCV, and reading an imdb.mat of full size."""

import os
import shutil
import tempfile
import time

from bench.machine import peak_megabytes
from bench.measure import alternate, compare, fresh, limit


def measure(rounds, scale):
    """Returns the Rows: images per second on two cores, from 256 to 224 px, in the page cache."""
    from bench.samples import write_images, write_mat

    count = max(40, int(24_000 * scale))
    with tempfile.TemporaryDirectory() as folder:
        photos, mat = os.path.join(folder, "photos"), os.path.join(folder, "imdb.mat")
        write_mat(mat, write_images(photos, count, 256))

        def side(name):
            return lambda: _measure_side(name, folder, mat=mat, photo_dir=photos)

        found = alternate(
            {name: side(f"run_{name}") for name in ("ours", "article", "bare")}, rounds
        )
    whole, crops = ([each[name] for each in found["ours"]] for name in ("whole", "crops"))
    return [
        compare(
            "preprocess, against the article's loop (equal crops)",
            whole,
            found["article"],
            "images/s",
            1.7,
        ),
        compare(
            "of it the crops and lists, against bare OpenCV on two threads",
            crops,
            found["bare"],
            "images/s",
            0.9,
        ),
    ]


def _measure_side(name, folder, **arguments):
    # The files of a side stay until all sides are measured: for minutes after thousands of files
    # were deleted, ext4 creates new ones several times slower.
    output_dir = tempfile.mkdtemp(dir=folder)
    os.sync()  # a side does not wait for the writes of the one before
    return fresh(f"bench.preprocess:{name}", output_dir=output_dir, **arguments)


def measure_mat(rounds, scale):
    """Returns the Rows of reading and filtering an imdb.mat of 460,000 records."""
    from bench.samples import image_name, write_mat

    count = max(100, int(460_000 * scale))
    with tempfile.TemporaryDirectory() as folder:
        mat = os.path.join(folder, "imdb.mat")
        write_mat(mat, [image_name(index) for index in range(count)])
        found = [fresh("bench.preprocess:run_mat", mat=mat) for _ in range(min(rounds, 3))]
    return [
        limit(
            f"imdb.mat of {count:,} records, read and filtered",
            [each["seconds"] for each in found],
            "s",
            60,
        ),
        limit(
            "its peak memory, of the larger of the two processes",
            [each["megabytes"] for each in found],
            "MB",
            2000,
        ),
    ]


def run_ours(mat, photo_dir, output_dir):
    """Returns images per second, with the start of workers and the lists.

    "whole" is of everything, "crops" of what follows the reading of imdb.mat.
    """
    from age_gender_estimation.data.preprocess import PreprocessSettings, preprocess
    from age_gender_estimation.datasets.example import Filters
    from age_gender_estimation.datasets.imdb_wiki import read_imdb_wiki

    start = time.perf_counter()
    settings = PreprocessSettings("imdb_wiki", Filters(), img_size=224)
    times = []

    def read():
        examples = read_imdb_wiki(mat, Filters())
        times.append(time.perf_counter())
        return examples

    kept = preprocess(read, photo_dir, output_dir, settings, workers=2)["kept"]
    end = time.perf_counter()
    return {"whole": kept / (end - start), "crops": kept / (end - times[0])}


def run_article(mat, photo_dir, output_dir):
    """Returns images per second of the article's loop."""
    import cv2  # noqa: F401 -- imported before the clock starts
    import scipy.io  # noqa: F401

    from bench import article

    start = time.perf_counter()
    kept = article.preprocess(mat, photo_dir, output_dir)
    return kept / (time.perf_counter() - start)


def run_bare(mat, photo_dir, output_dir):
    """Returns images per second of imread, resize and imwrite on two threads."""
    from concurrent.futures import ThreadPoolExecutor

    import cv2

    cv2.setNumThreads(1)
    paths = sorted(os.path.relpath(entry, photo_dir) for entry in _files(photo_dir))
    for folder in {os.path.dirname(path) for path in paths}:
        os.makedirs(os.path.join(output_dir, folder))

    def make(path):
        crop = cv2.resize(cv2.imread(os.path.join(photo_dir, path)), (224, 224))
        cv2.imwrite(os.path.join(output_dir, path), crop, [cv2.IMWRITE_JPEG_QUALITY, 95])

    start = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(make, paths))
    return len(paths) / (time.perf_counter() - start)


def run_mat(mat):
    """Returns the seconds of `read_imdb_wiki`, and the peak memory with interpreter and NumPy."""
    from age_gender_estimation.datasets.example import Filters
    from age_gender_estimation.datasets.imdb_wiki import read_imdb_wiki

    start = time.perf_counter()
    examples = read_imdb_wiki(mat, Filters())
    seconds = time.perf_counter() - start
    kept = sum(not example.drop for example in examples)
    # Two records in ten have a flaw.
    if not 0.75 * len(examples) <= kept <= 0.85 * len(examples):
        raise ValueError(f"{kept} of {len(examples)} kept")
    return {"seconds": seconds, "megabytes": peak_megabytes()}


def measure_growth(rounds, scale):
    """Returns the Rows of throughput and memory at 1, 10 and 100 times the records."""
    from bench.samples import write_images, write_mat

    rows, first = [], None
    with tempfile.TemporaryDirectory() as folder:
        for count in (max(40, int(number * scale)) for number in (400, 4_000, 40_000)):
            photos, mat = os.path.join(folder, "photos"), os.path.join(folder, "imdb.mat")
            write_mat(mat, write_images(photos, count, 64))
            for name, function in (
                ("preprocess", "bench.preprocess:run_growing"),
                ("train", "bench.training:run_growing"),
            ):
                found = fresh(
                    function, mat=mat, photo_dir=photos, output_dir=os.path.join(folder, "out")
                )
                first = {**(first or {}), **({name: found} if name not in (first or {}) else {})}
                rows += [
                    compare(
                        f"{name}, {count:,} records, against the fewest",
                        [found["rate"]],
                        [first[name]["rate"]],
                        "images/s",
                    ),
                    compare(
                        f"{name}, {count:,} records, peak memory",
                        [found["megabytes"]],
                        [first[name]["megabytes"]],
                        "MB",
                        is_time=True,
                    ),
                ]
            shutil.rmtree(photos)
            shutil.rmtree(os.path.join(folder, "out"))
    return rows


def run_growing(mat, photo_dir, output_dir):
    """Preprocesses to crops of 48 px; returns images per second and the peak memory."""
    from age_gender_estimation.data.preprocess import PreprocessSettings, preprocess
    from age_gender_estimation.datasets.example import Filters
    from age_gender_estimation.datasets.imdb_wiki import read_imdb_wiki

    start = time.perf_counter()
    settings = PreprocessSettings("imdb_wiki", Filters(), img_size=48)
    summary = preprocess(lambda: read_imdb_wiki(mat, Filters()), photo_dir, output_dir, settings)
    return {"rate": summary["kept"] / (time.perf_counter() - start), "megabytes": peak_megabytes()}


def _files(folder):
    return (os.path.join(parent, name) for parent, _, names in os.walk(folder) for name in names)
