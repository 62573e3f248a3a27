"""Pictures that are listed more than once, within a manifest or in several, and labels that contradict each other."""

from collections import Counter, defaultdict

from age_gender_estimation.tasks.labels import LABELS

NUM_EXAMPLES = 20


def find_duplicates(faces):
    """Groups the faces that show the same picture: byte-identical files, or one file listed twice.

    Args:
      faces: list of listed_faces.Face.

    Returns:
      A list of lists of at least two Faces. Those in several manifests come first, because such a picture is learned
      from and measured on; then in the order of the faces.
    """
    groups = defaultdict(list)
    for face in faces:
        # Broken files are no equal pictures even where their bytes are equal, as those of all empty files are.
        groups[face.content or (face.source, face.filename)].append(face)
    return sorted(
        (group for group in groups.values() if len(group) > 1),
        key=lambda group: len(sources_of(group)) == 1,
    )


def sources_of(group):
    """Returns the names of the manifests that list a group, in order."""
    return tuple(dict.fromkeys(face.source for face in group))


def conflicts_of(group):
    """Returns {task: sorted values} of the tasks that the group's rows label differently; a missing label agrees."""
    values = {name: {face.labels[name] for face in group} - {None} for name in LABELS}
    return {name: sorted(found) for name, found in values.items() if len(found) > 1}


def duplicates_report(groups):
    """Returns counts and the first examples of a list of groups, a dict that JSON can hold."""
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
        "examples": [{"faces": list(map(_face_entry, group))} for group in groups[:NUM_EXAMPLES]],
    }


def conflicts_report(groups):
    """Returns the same for those of the groups whose labels contradict each other, and their number by task."""
    groups = [group for group in groups if conflicts_of(group)]
    report = duplicates_report(groups)
    found = Counter(name for group in groups for name in conflicts_of(group))
    report["by_task"] = {name: found[name] for name in LABELS}
    for example, group in zip(report["examples"], groups):
        example["values"] = {
            name: [_class_name(name, value) for value in values]
            for name, values in conflicts_of(group).items()
        }
    return report


def _face_entry(face):
    labels = {name: _class_name(name, value) for name, value in face.labels.items()}
    return {"source": face.source, "filename": face.filename, "labels": labels}


def _class_name(name, value):
    class_names = LABELS[name].class_names
    return class_names[value] if class_names and value is not None else value
