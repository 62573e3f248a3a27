"""What manifests hold, in numbers: labels by source, ages, groups of ages, unreadable pictures, duplicates, conflicts.

In: the faces of evaluation.listed_faces. Out: a dict that JSON can hold, the same for the same files. Free of TensorFlow.
"""

from collections import Counter

from age_gender_estimation.data_report.duplicates import (
    NUM_EXAMPLES,
    conflicts_report,
    duplicates_report,
    find_duplicates,
)
from age_gender_estimation.tasks.age_groups import AGE_GROUPS, decade_names, group_name
from age_gender_estimation.tasks.labels import LABELS

UNLABELLED = "unlabelled"
OUTSIDE = "outside"  # an age that is in none of the groups


def report_data(faces):
    """Returns the report of a list of listed_faces.Face.

    `sources` has the counts of every manifest (see `count_faces`) and `total` those of all; `unreadable`, `duplicates`
    and `conflicts` have counts and their first examples, see evaluation.duplicates.
    """
    by_source = {}
    for face in faces:
        by_source.setdefault(face.source, []).append(face)
    broken = [face for face in faces if face.problem]
    groups = find_duplicates(faces)
    return {
        "sources": {name: count_faces(listed) for name, listed in by_source.items()},
        "total": count_faces(faces),
        "unreadable": {
            "rows": len(broken),
            "examples": [
                {"source": face.source, "filename": face.filename, "problem": face.problem}
                for face in broken[:NUM_EXAMPLES]
            ],
        },
        "duplicates": duplicates_report(groups),
        "conflicts": conflicts_report(groups),
    }


def count_faces(faces):
    """Returns the counts of a list of Faces.

    Returns:
      {"rows", "unreadable", "repeated_filenames": rows whose file an earlier row of the same manifest names,
      "labelled": {task: n}, "gender" and "race": {class: n}, "gender_by_race": {gender: {race: n}},
      "age": {"years": {year: n} of the years that occur, "decades": {decade: n}, "groups": {encoding: {group: n}}}}.
      Classes and groups have the entry "unlabelled", groups "outside" too.
    """
    ages = [face.labels["age"] for face in faces]
    known_ages = [age for age in ages if age is not None]
    years = Counter(known_ages)
    all_decades = decade_names(range(0, LABELS["age"].highest + 1, 10))
    return {
        "rows": len(faces),
        "unreadable": sum(bool(face.problem) for face in faces),
        "repeated_filenames": len(faces) - len({(face.source, face.filename) for face in faces}),
        "labelled": {name: sum(face.labels[name] is not None for face in faces) for name in LABELS},
        **{
            name: _in_order(class_columns(name), (class_of(face, name) for face in faces))
            for name, label in LABELS.items()
            if label.class_names
        },
        "gender_by_race": {
            gender: _in_order(
                class_columns("race"),
                (class_of(face, "race") for face in faces if class_of(face, "gender") == gender),
            )
            for gender in class_columns("gender")
        },
        "age": {
            "years": {str(year): years[year] for year in sorted(years)},
            "decades": _in_order(all_decades, decade_names(known_ages)),
            "groups": {name: _group_sizes(groups, ages) for name, groups in AGE_GROUPS.items()},
        },
    }


def class_columns(name):
    """Returns the classes of a task as the report names them."""
    return (*LABELS[name].class_names, UNLABELLED)


def class_of(face, name):
    """Returns the class of a Face as the report names it."""
    value = face.labels[name]
    return UNLABELLED if value is None else LABELS[name].class_names[value]


def _group_sizes(groups, ages):
    names = {year: group_name(group) for group in groups for year in range(group[0], group[1] + 1)}
    columns = (*map(group_name, groups), OUTSIDE, UNLABELLED)
    return _in_order(
        columns, (UNLABELLED if age is None else names.get(age, OUTSIDE) for age in ages)
    )


def _in_order(names, found):
    """Returns {name: how often it is in `found`} with every one of `names`, absent ones too, in their order."""
    counts = Counter(found)
    return {name: counts[name] for name in names}
