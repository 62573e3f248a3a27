"""The manifests of preprocessing: examples in, train.csv, val.csv, test.csv and a summary out."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from age_gender_estimation.data.crops import crop_name, safe_relative_path
from age_gender_estimation.data.manifest import manifest_text
from age_gender_estimation.data.preprocess_settings import PreprocessSettings
from age_gender_estimation.data.splits import split_hash, split_of
from age_gender_estimation.datasets.csv_file import SPLITS
from age_gender_estimation.datasets.example import BAD_ROW, Example
from age_gender_estimation.errors import InputError
from age_gender_estimation.faces.crop import GEOMETRIES
from age_gender_estimation.storage.files import write_files
from age_gender_estimation.tasks.labels import LABELS

SUMMARY = "preprocess.json"
CONTENT = "content "  # the first word of an identity that is only known by the image's content

Rows = dict[str, list[tuple[str, dict[str, int | None]]]]  # {split: [(file name, labels)]}


@dataclass(frozen=True)
class Dropped:
    """What was left out.

    Attributes:
      counts: {reason: number of images}.
      examples: {reason: path of the first one}, as the dataset has it.
    """

    counts: dict[str, int]
    examples: dict[str, str]

    @classmethod
    def of(cls, examples: Iterable[Example]) -> "Dropped":
        """Returns those of all examples of a dataset that have a reason to drop them."""
        counts: Counter[str] = Counter()
        paths: dict[str, str] = {}
        for example in examples:
            if example.drop:
                counts[example.drop] += 1
                paths.setdefault(example.drop, example.path)
        return cls(dict(sorted(counts.items())), dict(sorted(paths.items())))

    def lines(self, photo_dir: str) -> list[str]:
        """Returns a text for each reason: `dropped 2: missing_file, such as photos/a.jpg`."""
        return [
            f"dropped {count}: {reason}, such as {self._where(reason, photo_dir)}"
            for reason, count in self.counts.items()
        ]

    def _where(self, reason, photo_dir):
        path = self.examples[reason]
        path = path if reason == BAD_ROW else os.path.join(photo_dir, path)
        return path if path.isprintable() else ascii(path)[1:-1]


def refuse_foreign_lists(output_dir: str) -> None:
    """Raises InputError if `output_dir` has a manifest that preprocessing did not write."""
    if os.path.exists(os.path.join(output_dir, SUMMARY)):
        return
    for split in SPLITS:
        path = os.path.join(output_dir, f"{split}.csv")
        if os.path.exists(path):
            raise InputError(
                f"{path} would be replaced, but preprocessing did not write it: there is no "
                f"{SUMMARY} beside it; choose another --output-dir"
            )


def prescribe_splits_by_person(examples: Sequence[Example]) -> None:
    """Sets `split` of all examples of a person to the one that the dataset prescribes for some.

    Args:
      examples: with their `identity`.

    Raises:
      InputError: a person is prescribed to two splits.
    """
    splits: dict[str | None, str] = {}
    for example in examples:
        prescribed = example.split and splits.setdefault(example.identity, example.split)
        # Equal content in two prescribed splits is the dataset's own choice.
        if prescribed != example.split and not str(example.identity).startswith(CONTENT):
            raise InputError(
                f"person {example.identity!r} is in split {prescribed} and in {example.split}; "
                "expected one split for all images of a person"
            )
    for example in examples:
        example.split = example.split or splits.get(example.identity)


def write_lists(
    kept: list[Example], dropped: Dropped, output_dir: str, settings: PreprocessSettings
) -> dict:
    """Divides examples by person; writes their manifests and the summary, all or none.

    Args:
      kept: with crop, `identity` and, if one is prescribed, `split`.
      dropped: the others.
      output_dir: OUT.
      settings: of the split; the summary records all of them.

    Returns:
      The contents of preprocess.json: how many are kept, dropped by reason with the first one of
      each, rows of each split, settings.

    Raises:
      InputError: train or val would be empty.
    """
    rows = _split_rows(kept, settings)
    is_all_test = len(rows.get("test", ())) == len(kept)
    if 0 < settings.split_ratio < 1 and not (rows["train"] and rows["val"]) and not is_all_test:
        people = len({example.identity for example in kept})
        raise InputError(
            f"{len(kept)} images of {people} people leave train or val empty; add people, or "
            "change --split-ratio, --seed or a column split"
        )
    summary = {
        "kept": len(kept),
        "dropped": dropped.counts,
        "examples": dropped.examples,
        "rows": {split: len(split_rows) for split, split_rows in rows.items()},
        "settings": {**asdict(settings), "geometry": GEOMETRIES[settings.geometry].to_dict()},
    }
    tasks = [
        label.name
        for label in LABELS.values()
        if not label.is_optional or any(label.name in example.labels for example in kept)
    ]
    # The summary first: it tells the next run that the manifests are ours. All together: a new
    # train.csv beside an old val.csv could share people with it.
    texts = {SUMMARY: json.dumps(summary, indent=2) + "\n"}
    for split, split_rows in rows.items():
        texts[f"{split}.csv"] = manifest_text(split_rows, tasks)
    write_files({os.path.join(output_dir, name): text for name, text in texts.items()})
    for split in SPLITS:
        path = os.path.join(output_dir, f"{split}.csv")
        if split not in rows and os.path.exists(path):
            os.remove(path)  # of an earlier run; its people may be in train.csv now
    return summary


def _split_rows(kept: Iterable[Example], settings: PreprocessSettings) -> Rows:
    """Returns the rows of each split, in the order of their people's hashes."""
    hashed = sorted(
        (
            split_hash(settings.seed, example.identity or ""),
            crop_name(safe_relative_path(example.path) or ""),
            example,
        )
        for example in kept
    )
    rows: Rows = {"train": [], "val": [], **({"test": []} if settings.test_ratio else {})}
    for value, filename, example in hashed:
        split = example.split or split_of(value, settings.split_ratio, settings.test_ratio)
        rows.setdefault(split, []).append((filename, example.labels))
    return rows
