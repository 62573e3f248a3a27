"""The lists of an output folder: who goes to which side of the split, OUT/train.csv, val.csv (test.csv), preprocess.json."""

import json
import os
from dataclasses import asdict

from age_gender_estimation.data.crops import crop_name, safe_relative_path
from age_gender_estimation.data.manifest import manifest_text
from age_gender_estimation.data.splits import split_hash, split_of
from age_gender_estimation.datasets.csv_file import SPLITS
from age_gender_estimation.errors import InputError
from age_gender_estimation.faces.crop import GEOMETRIES
from age_gender_estimation.storage.files import write_files
from age_gender_estimation.tasks.labels import LABELS

SUMMARY = "preprocess.json"
CONTENT = "content "  # begins the identity of a picture of which only its bytes tell who is shown


def refuse_foreign_lists(output_dir):
    """Raises InputError where a list stands in `output_dir` that preprocessing did not write."""
    foreign = (
        []
        if os.path.exists(os.path.join(output_dir, SUMMARY))
        else [
            path
            for split in SPLITS
            if os.path.exists(path := os.path.join(output_dir, f"{split}.csv"))
        ]
    )
    if foreign:
        raise InputError(
            f"{foreign[0]}: no list that preprocessing wrote, as there is no {SUMMARY} beside it, and it would "
            "be replaced; choose another --output-dir"
        )


def prescribe_splits_by_person(examples):
    """Where a dataset prescribes the split of some pictures of a person, the person's other pictures follow.

    Args:
      examples: list of Example with their `identity`; `split` is set.

    Raises:
      InputError: a person is prescribed to two splits.
    """
    splits = {}
    for example in examples:
        prescribed = example.split and splits.setdefault(example.identity, example.split)
        # Equal content under two prescribed splits is the dataset's own choice and is obeyed.
        if prescribed != example.split and not example.identity.startswith(CONTENT):
            raise InputError(
                f"person {example.identity!r} is in split {prescribed} and in {example.split}; "
                "expected one for all pictures of a person"
            )
    for example in examples:
        example.split = example.split or splits.get(example.identity)


def write_lists(kept, dropped, output_dir, settings):
    """Divides examples into train, val and test by person, and writes their lists and the summary, all or none.

    Args:
      kept: list of Example with crop, `identity` and, where one is prescribed, `split`.
      dropped: {reason: number} of the others.
      output_dir: OUT.
      settings: data.preprocess.PreprocessSettings.

    Returns:
      The contents of preprocess.json, a dict.

    Raises:
      InputError: train or val would be empty.
    """
    task_names = [
        name
        for name in LABELS
        if name != "race" or any("race" in example.labels for example in kept)
    ]
    hashed = sorted(
        (
            split_hash(settings.seed, example.identity),
            crop_name(safe_relative_path(example.path)),
            example,
        )
        for example in kept
    )
    splits = {"train": [], "val": [], **({"test": []} if settings.test_ratio else {})}
    for value, filename, example in hashed:
        split = example.split or split_of(value, settings.split_ratio, settings.test_ratio)
        splits.setdefault(split, []).append((filename, example.labels))
    if 0 < settings.split_ratio < 1 and not (splits["train"] and splits["val"]):
        people = len({example.identity for example in kept})
        raise InputError(
            f"{len(kept)} pictures of {people} people leave train or val empty; add people, or change "
            "--split-ratio, --seed or a column split"
        )
    summary = {
        "kept": len(kept),
        "dropped": dict(sorted(dropped.items())),
        "rows": {split: len(rows) for split, rows in splits.items()},
        "settings": {**asdict(settings), "geometry": GEOMETRIES[settings.geometry].to_dict()},
    }
    # The summary first: it tells the next run whose lists these are.
    texts = {SUMMARY: json.dumps(summary, indent=2) + "\n"}
    texts.update(
        {f"{split}.csv": manifest_text(rows, task_names) for split, rows in splits.items()}
    )
    # Together: a new train.csv beside an old val.csv could share people with it.
    write_files({os.path.join(output_dir, name): text for name, text in texts.items()})
    for split in SPLITS:
        path = os.path.join(output_dir, f"{split}.csv")
        if split not in splits and os.path.exists(
            path
        ):  # of an earlier run: its people may be in train.csv now
            os.remove(path)
    return summary
