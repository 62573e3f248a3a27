"""Cross-validation: examples with the name of their fold in, one fold as split "test" out."""

from collections.abc import Sequence

from age_gender_estimation.datasets.example import Example
from age_gender_estimation.errors import InputError

DROP = "person_in_test_fold"


def hold_out_fold(examples: Sequence[Example], fold: str) -> None:
    """Sets `split` of a fold to "test". The others keep none: they are divided by person.

    The folds of a dataset should not share people. Where they do, the test fold stays as published,
    and the others' images of its people get the drop reason `person_in_test_fold`.

    Raises:
      InputError: there is no such fold, or the dataset prescribes splits too.
    """
    folds = sorted({example.fold for example in examples if example.fold})
    if fold not in folds:
        raise InputError(f"--fold {fold}: no such fold; found: {', '.join(folds) or 'no folds'}")
    if any(example.split for example in examples):
        raise InputError(f"--fold {fold}: the images have prescribed splits too; use one of both")
    held_out = [example for example in examples if example.fold == fold and not example.drop]
    people = {example.identity for example in held_out if example.identity}
    for example in examples:
        if example.fold == fold:
            example.split = "test"
        elif example.identity in people:
            example.drop = example.drop or DROP
