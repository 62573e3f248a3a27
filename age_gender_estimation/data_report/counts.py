"""What manifests hold, in numbers: labels by manifest, ages, age groups, unreadable images,
duplicates, conflicts.

In: the images of data_report.listed_images. Out: a dict that JSON can hold, equal for equal files.
Free of TensorFlow.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from age_gender_estimation.data_report.duplicates import (
    NUM_EXAMPLES,
    conflicts_report,
    duplicates_report,
    find_duplicates,
)
from age_gender_estimation.data_report.listed_images import ListedImage
from age_gender_estimation.tasks.age_groups import (
    AGE_GROUPS,
    Group,
    allowed_groups,
    decade_names,
    group_name,
)
from age_gender_estimation.tasks.age_labels import first_years, is_one_year, last_years
from age_gender_estimation.tasks.labels import LABELS

UNLABELLED = "unlabelled"
OUTSIDE = "outside"  # an age that is in none of the groups, or a range that is not in one of them
RANGES = "ranges"


def report_data(images: Sequence[ListedImage]) -> dict:
    """Returns the report of listed images.

    `sources` has the counts of every manifest (see `count_images`) and `total` those of all;
    `unreadable`, `duplicates` and `conflicts` have counts and their first examples, see
    data_report.duplicates.
    """
    by_source: dict[str, list[ListedImage]] = {}
    for image in images:
        by_source.setdefault(image.source, []).append(image)
    broken = [image for image in images if image.problem]
    groups = find_duplicates(images)
    return {
        "sources": {name: count_images(listed) for name, listed in by_source.items()},
        "total": count_images(images),
        "unreadable": {
            "rows": len(broken),
            "examples": [
                {"source": image.source, "filename": image.filename, "problem": image.problem}
                for image in broken[:NUM_EXAMPLES]
            ],
        },
        "duplicates": duplicates_report(groups),
        "conflicts": conflicts_report(groups),
    }


def count_images(images: Sequence[ListedImage]) -> dict:
    """Returns the counts of listed images.

    Returns:
      {"rows", "unreadable", "repeated_filenames": rows whose file an earlier row of the same
      manifest names, "labelled": {task: n}, each task with classes: {class: n}, "gender_by_race":
      {gender: {race: n}}, "age": {"years": {year: n} of the years that occur, "ranges": {range: n}
      of the ranges that occur, "decades": {decade: n}, "groups": {encoding: {group: n}}}}. Decades
      are of years, and have the entry "ranges". Classes and groups have the entry "unlabelled",
      groups "outside" too: a range is in a group if all its years are.
    """
    known_ages = [age for image in images if (age := image.labels["age"]) is not None]
    return {
        "rows": len(images),
        "unreadable": sum(bool(image.problem) for image in images),
        "repeated_filenames": len(images)
        - len({(image.source, image.filename) for image in images}),
        "labelled": {
            name: sum(image.labels[name] is not None for image in images) for name in LABELS
        },
        **{
            name: _in_order(class_columns(name), (class_of(image, name) for image in images))
            for name in class_tasks()
        },
        "gender_by_race": {
            gender: _in_order(
                class_columns("race"),
                (class_of(each, "race") for each in images if class_of(each, "gender") == gender),
            )
            for gender in class_columns("gender")
        },
        "age": _count_ages(np.array(known_ages, int), len(images)),
    }


def _count_ages(ages: np.ndarray, num_images: int) -> dict:
    is_year = is_one_year(ages)
    years, counts = np.unique(ages[is_year], return_counts=True)
    decades = decade_names(range(0, LABELS["age"].highest + 1, 10))
    ranges = Counter(zip(first_years(ages[~is_year]).tolist(), last_years(ages[~is_year]).tolist()))
    return {
        "years": dict(zip(map(str, years.tolist()), counts.tolist())),
        "ranges": {group_name(group): ranges[group] for group in sorted(ranges)},
        "decades": {
            **_in_order(decades, decade_names(ages[is_year])),
            RANGES: int((~is_year).sum()),
        },
        "groups": {
            name: _group_sizes(groups, ages, num_images) for name, groups in AGE_GROUPS.items()
        },
    }


def class_tasks() -> list[str]:
    """Returns the tasks whose labels are classes: gender, race."""
    return [name for name, label in LABELS.items() if label.class_names]


def class_columns(name: str) -> tuple[str, ...]:
    """Returns the classes of a task as the report names them."""
    return (*LABELS[name].class_names, UNLABELLED)


def class_of(image: ListedImage, name: str) -> str:
    """Returns the class of an image as the report names it."""
    value = image.labels[name]
    return UNLABELLED if value is None else LABELS[name].class_names[value]


def _group_sizes(groups: Sequence[Group], ages: np.ndarray, num_images: int) -> dict[str, int]:
    allowed = np.stack(allowed_groups(ages, groups))
    is_in_one = allowed.sum(axis=0) == 1
    sizes = (allowed & is_in_one).sum(axis=1).tolist()
    return {
        **dict(zip(map(group_name, groups), sizes)),
        OUTSIDE: int((~is_in_one).sum()),
        UNLABELLED: num_images - len(ages),
    }


def _in_order(names: Iterable[str], found: Iterable[str]) -> dict[str, int]:
    """Returns {name: how often it is in `found`} for every one of `names`, in their order."""
    counts = Counter(found)
    return {name: counts[name] for name in names}
