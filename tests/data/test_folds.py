import pytest

from age_gender_estimation.data.folds import hold_out_fold
from age_gender_estimation.datasets.csv_dataset import read_csv_dataset
from age_gender_estimation.datasets.example import Example, Filters
from age_gender_estimation.errors import InputError


def test_a_fold_becomes_test_and_its_people_leave_the_others():
    examples = [
        Example("a", identity="ann", fold="0"),
        Example("b", identity="ann", fold="1"),  # ann stands in two folds
        Example("c", identity="bob", fold="1"),
        Example("d", fold="0"),
        Example("e", fold="1"),  # unknown people are not one person
        Example("f", identity="cid", fold="0", drop="no_label"),  # not in the test
        Example("g", identity="cid", fold="1"),
        Example("h"),  # in no fold
    ]
    hold_out_fold(examples, "0")
    assert [(example.split, example.drop) for example in examples] == [
        ("test", ""),
        (None, "person_in_test_fold"),
        (None, ""),
        ("test", ""),
        (None, ""),
        ("test", "no_label"),
        (None, ""),
        (None, ""),
    ]


def test_what_cannot_be_held_out_is_refused():
    with pytest.raises(InputError, match="--fold 7: no such fold; found: 0, 1"):
        hold_out_fold([Example("a", fold="1"), Example("b", fold="0")], "7")
    with pytest.raises(InputError, match="--fold 0: no such fold; found: no folds"):
        hold_out_fold([Example("a")], "0")
    with pytest.raises(InputError, match="prescribed splits too"):
        hold_out_fold([Example("a", fold="0"), Example("b", fold="1", split="train")], "0")


def test_a_csv_may_have_folds(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(
        "filename,age,gender,person,fold\na.jpg,25-32,f,ann,fold_0\nb.jpg,,m,bob,fold_1\n"
        "c.jpg,9,,cid,\n"
    )
    examples = read_csv_dataset(str(path), Filters(max_age=116))
    assert [example.fold for example in examples] == ["fold_0", "fold_1", None]
    hold_out_fold(examples, "fold_1")
    assert [example.split for example in examples] == [None, "test", None]
