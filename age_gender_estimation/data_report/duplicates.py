"""Images that are listed more than once, in one manifest or several, and labels that contradict
each other."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from age_gender_estimation.data_report.listed_images import ListedImage
from age_gender_estimation.tasks.age_labels import first_years, last_years
from age_gender_estimation.tasks.labels import LABELS

NUM_EXAMPLES = 20


def find_duplicates(images: Sequence[ListedImage]) -> list[list[ListedImage]]:
    """Groups the rows that list the same image: byte-identical files, or one file listed twice.

    Returns:
      The groups of at least two rows. Those in several manifests come first, because such an image
      is trained on and measured on; then in the order of the rows.
    """
    groups = defaultdict(list)
    for image in images:
        # Broken files are not the same image, even with equal bytes, as all empty files have.
        groups[image.content or (image.source, image.filename)].append(image)
    return sorted(
        (group for group in groups.values() if len(group) > 1),
        key=lambda group: len(sources_of(group)) == 1,
    )


def sources_of(group: Sequence[ListedImage]) -> tuple[str, ...]:
    """Returns the names of the manifests that list a group, in order."""
    return tuple(dict.fromkeys(image.source for image in group))


def conflicts_of(group: Sequence[ListedImage]) -> dict[str, list[int]]:
    """Returns {task: sorted values} of the tasks whose labels cannot all be true.

    A missing label agrees with every other, and an age with every range that it is in.
    """
    columns = {name: [image.labels[name] for image in group] for name in LABELS}
    values = {
        name: sorted({value for value in column if value is not None}, key=_order)
        for name, column in columns.items()
    }
    return {
        name: found
        for name, found in values.items()
        if len(found) > 1 and not (name == "age" and _share_a_year(found))
    }


def _order(value):
    return first_years(value), last_years(value)


def _share_a_year(ages):
    return max(map(first_years, ages)) <= min(map(last_years, ages))


def duplicates_report(groups: Sequence[Sequence[ListedImage]]) -> dict:
    """Returns counts and the first examples of groups, a dict that JSON can hold."""
    by_sources = Counter(map(sources_of, groups))
    return {
        "groups": len(groups),
        "rows": sum(map(len, groups)),
        "groups_in_several_sources": sum(
            count for sources, count in by_sources.items() if len(sources) > 1
        ),
        "by_sources": [
            {"sources": list(sources), "groups": count} for sources, count in by_sources.items()
        ],
        "examples": [{"faces": list(map(_entry, group))} for group in groups[:NUM_EXAMPLES]],
    }


def conflicts_report(groups: Sequence[Sequence[ListedImage]]) -> dict:
    """Returns the same for those of the groups whose labels contradict each other, and their number
    by task."""
    groups = [group for group in groups if conflicts_of(group)]
    report = duplicates_report(groups)
    found = Counter(name for group in groups for name in conflicts_of(group))
    report["by_task"] = {name: found[name] for name in LABELS}
    for example, group in zip(report["examples"], groups):
        example["values"] = {
            name: [LABELS[name].name_of(value) for value in values]
            for name, values in conflicts_of(group).items()
        }
    return report


def _entry(image):
    labels = {
        name: None if value is None else LABELS[name].name_of(value)
        for name, value in image.labels.items()
    }
    return {"source": image.source, "filename": image.filename, "labels": labels}
