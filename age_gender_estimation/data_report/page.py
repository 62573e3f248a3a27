"""The data report as an HTML page: what to look at first, then tables and figures."""

import functools
import operator
from collections.abc import Callable, Mapping, Sequence

from age_gender_estimation.data_report.age_figures import draw_ages
from age_gender_estimation.data_report.counts import UNLABELLED, class_columns, class_tasks
from age_gender_estimation.data_report.duplicates import find_duplicates
from age_gender_estimation.data_report.figures import (
    COLUMNS,
    ROWS,
    choose_images,
    draw_conflicts,
    draw_gender_by_race,
    draw_sample,
)
from age_gender_estimation.data_report.listed_images import ListedImage
from age_gender_estimation.markup.html_page import Table, page
from age_gender_estimation.tasks.age_groups import AGE_GROUPS
from age_gender_estimation.tasks.labels import LABELS


def data_page(report: dict, images: Sequence[ListedImage], seed: int = 0) -> str:
    """Returns the page of a report.

    Args:
      report: data_report.counts.report_data of `images`.
      images: the listed images.
      seed: of the choice of sample images.
    """
    # Under a single manifest the total would repeat its row.
    counts = {
        **report["sources"],
        **({"total": report["total"]} if len(report["sources"]) > 1 else {}),
    }
    sections = [
        ("At a glance", [*summary(report), _sources_table(counts)]),
        ("Age", _age_parts(counts, images)),
        (_listing(class_tasks()).capitalize(), _class_parts(counts, report["total"])),
        ("Sample faces", _sample_parts(images, seed)),
        ("Contradicting labels", _conflict_parts(report["conflicts"], images)),
        ("Duplicates", _duplicate_parts(report["duplicates"])),
    ]
    if report["unreadable"]["rows"]:
        sections.append(("Unreadable images", _unreadable_parts(report["unreadable"])))
    return page(f"Data report: {', '.join(report['sources'])}", sections)


def summary(report: dict) -> list[str]:
    """Returns what to know first, as lines of text."""
    total, duplicates, conflicts = report["total"], report["duplicates"], report["conflicts"]
    by_task = ", ".join(f"{name} {count}" for name, count in conflicts["by_task"].items() if count)
    labelled = ", ".join(f"{name} {count}" for name, count in total["labelled"].items())
    num_shared = duplicates["groups_in_several_sources"]
    warning = ": trained on one and measured on the other, a model looks better than it is"
    return [
        f"{total['rows']} rows in {len(report['sources'])} lists; labelled: {labelled}; "
        f"{total['unreadable']} unreadable images.",
        f"{duplicates['groups']} images are listed more than once, in {duplicates['rows']} rows; "
        f"{num_shared} of them are in more than one list{warning if num_shared else ''}.",
        f"{conflicts['groups']} images have labels that contradict each other"
        + (f": {by_task}." if by_task else "."),
    ]


def _listing(names: Sequence[str]) -> str:
    """Returns `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _sources_table(counts: Mapping[str, dict]) -> Table:
    return Table(
        ("list", "rows", *LABELS, "unreadable", "repeated file names"),
        [
            (
                name,
                entry["rows"],
                *entry["labelled"].values(),
                entry["unreadable"],
                entry["repeated_filenames"],
            )
            for name, entry in counts.items()
        ],
    )


def _age_parts(counts, images):
    if not any(entry["labelled"]["age"] for entry in counts.values()):
        return ["No row has an age."]
    return [
        draw_ages(images),
        _counts_table(counts, _take("age", "decades")),
        *_range_parts(counts),
        "Sizes of the 3, 5 and 10 groups of ages. Outside are ages that are in none of them, and "
        "ranges whose years are not all in one.",
        *(_counts_table(counts, _take("age", "groups", name)) for name in AGE_GROUPS),
    ]


def _range_parts(counts):
    found = {name: entry["age"]["ranges"] for name, entry in counts.items()}
    names = list(counts.values())[-1]["age"]["ranges"]  # of the total, or of the only list
    if not names:
        return []
    rows = [(name, *(ranges.get(name, 0) for ranges in found.values())) for name in names]
    return ["Ages that are labelled as ranges:", Table(("range", *found), rows)]


def _class_parts(counts, total):
    rows = [
        (name, gender, *races.values())
        for name, entry in counts.items()
        for gender, races in entry["gender_by_race"].items()
    ]
    return [
        *(_counts_table(counts, _take(name)) for name in class_tasks()),
        draw_gender_by_race(total["gender_by_race"]),
        Table(("list", "gender", *class_columns("race")), rows),
    ]


def _take(*keys):
    """Returns a function: entry of the report -> what stands in it under these keys."""
    return lambda entry: functools.reduce(operator.getitem, keys, entry)


def _counts_table(counts: Mapping[str, dict], take: Callable[[dict], dict]) -> Table:
    """Returns a row of counts for each list, and the shares of the rows of the last one, the
    total."""
    rows = [(name, *take(entry).values()) for name, entry in counts.items()]
    last = list(counts.values())[-1]
    shares = ("share", *(f"{count / last['rows']:.1%}" for count in take(last).values()))
    return Table(("list", *take(last)), [*rows, shares])


def _sample_parts(images, seed):
    chosen = choose_images(images, ROWS * COLUMNS, seed)
    return [draw_sample(chosen) if chosen else "No image can be read."]


def _conflict_parts(conflicts, images):
    if not conflicts["groups"]:
        return ["None found among the images that are listed more than once."]
    figure = draw_conflicts(find_duplicates(images))
    rows = [
        (_values_text(example["values"]), _rows_text(example)) for example in conflicts["examples"]
    ]
    return [
        *([figure] if figure else []),
        f"The first {len(rows)} of {conflicts['groups']}:",
        Table(("labels", "rows"), rows),
    ]


def _duplicate_parts(duplicates):
    if not duplicates["groups"]:
        return ["None: no two rows list the same bytes."]
    lists = [
        (" and ".join(entry["sources"]), entry["groups"]) for entry in duplicates["by_sources"]
    ]
    rows = [
        (number, _rows_text(example))
        for number, example in enumerate(duplicates["examples"], start=1)
    ]
    return [
        Table(("listed in", "images"), lists),
        f"The first {len(rows)} of {duplicates['groups']}:",
        Table(("image", "rows"), rows),
    ]


def _unreadable_parts(unreadable):
    rows = [
        (example["source"], example["filename"], example["problem"])
        for example in unreadable["examples"]
    ]
    return [
        f"The first {len(rows)} of {unreadable['rows']}:",
        Table(("list", "file", "problem"), rows),
    ]


def _values_text(values):
    return "\n".join(f"{name}: {', '.join(map(str, found))}" for name, found in values.items())


def _rows_text(example):
    return "\n".join(
        f"{face['source']}: {face['filename']} ({_labels_text(face['labels'])})"
        for face in example["faces"]
    )


def _labels_text(labels):
    return ", ".join(str(value) for value in labels.values() if value is not None) or UNLABELLED
