import json

import pytest

from age_gender_estimation.data_report.counts import count_images, report_data
from age_gender_estimation.data_report.listed_images import ListedImage, read_images
from age_gender_estimation.tasks.age_labels import age_label


@pytest.fixture(scope="module")
def report(manifests):
    return report_data(read_images(manifests))


def not_zero(counts):
    return {name: count for name, count in counts.items() if count}


def test_rows_and_labels_of_each_list_and_of_all(report):
    train, val, total = *report["sources"].values(), report["total"]
    assert list(report["sources"]) == ["train.csv", "val.csv"]
    assert [entry["rows"] for entry in (train, val, total)] == [9, 3, 12]
    assert [entry["unreadable"] for entry in (train, val, total)] == [1, 0, 1]
    assert [entry["repeated_filenames"] for entry in (train, val, total)] == [1, 0, 1]
    assert train["labelled"] == {"age": 8, "gender": 8, "race": 8}
    assert val["labelled"] == {"age": 3, "gender": 3, "race": 0}
    assert total["labelled"] == {"age": 11, "gender": 11, "race": 8}


def test_classes_and_what_is_not_labelled(report):
    train, val = report["sources"].values()
    # Women a, b, f, b, broken; men c, d, e; g is neither.
    assert train["gender"] == {"female": 5, "male": 3, "unlabelled": 1}
    assert train["race"] == {
        "White": 4,
        "Black": 1,
        "Asian": 2,
        "Indian": 1,
        "Others": 0,
        "unlabelled": 1,
    }
    none = {"White": 0, "Black": 0, "Asian": 0, "Indian": 0, "Others": 0, "unlabelled": 0}
    assert train["gender_by_race"] == {
        "female": {**none, "White": 3, "Black": 1, "unlabelled": 1},
        "male": {**none, "White": 1, "Asian": 2},
        "unlabelled": {**none, "Indian": 1},
    }
    assert val["gender_by_race"] == {
        "female": {**none, "unlabelled": 1},
        "male": {**none, "unlabelled": 2},
        "unlabelled": none,
    }
    assert report["total"]["gender"] == {"female": 6, "male": 5, "unlabelled": 1}


def test_ages_by_year_and_decade(report):
    age = report["total"]["age"]
    expected = {0: 1, 11: 1, 12: 1, 26: 2, 27: 1, 52: 1, 53: 1, 80: 1, 81: 1, 116: 1}
    assert age["years"] == {str(year): count for year, count in expected.items()}
    assert list(age["decades"])[-2:] == ["110-119", "ranges"] and len(age["decades"]) == 13
    assert age["ranges"] == {}
    assert not_zero(age["decades"]) == {
        "0-9": 1,
        "10-19": 2,
        "20-29": 3,
        "50-59": 2,
        "80-89": 2,
        "110-119": 1,
    }


def test_groups_of_ages_hold_their_borders_and_nothing_beyond(report):
    train, groups = (
        report["sources"]["train.csv"]["age"]["groups"],
        report["total"]["age"]["groups"],
    )
    # Outside are 0 and 81; f has no age.
    assert train["3"] == {"1-26": 4, "27-52": 1, "53-80": 1, "outside": 2, "unlabelled": 1}
    assert train["5"] == {
        **{"1-11": 1, "12-23": 1, "24-39": 3, "40-55": 0, "56-80": 1},
        **{"outside": 2, "unlabelled": 1},
    }
    assert not_zero(train["10"]) == {
        "9-16": 2,
        "25-32": 3,
        "73-80": 1,
        "outside": 2,
        "unlabelled": 1,
    }
    # With 52, 53 and 116 of val.csv.
    assert groups["3"] == {"1-26": 4, "27-52": 2, "53-80": 2, "outside": 3, "unlabelled": 1}
    assert [sum(sizes.values()) for sizes in groups.values()] == [12] * 3


def test_a_picture_in_train_and_val_with_two_ages_is_a_leak_and_a_conflict(report):
    duplicates, conflicts = report["duplicates"], report["conflicts"]
    assert (duplicates["groups"], duplicates["rows"], duplicates["groups_in_several_sources"]) == (
        2,
        4,
        1,
    )
    assert duplicates["by_sources"] == [
        {"sources": ["train.csv", "val.csv"], "groups": 1},
        {"sources": ["train.csv"], "groups": 1},
    ]
    assert [
        [face["filename"] for face in example["faces"]] for example in duplicates["examples"]
    ] == [["c.png", '<b>&".jpg'], ["b.png", "b.png"]]
    assert conflicts["groups"] == 1 and conflicts["by_task"] == {"age": 1, "gender": 0, "race": 0}
    assert conflicts["examples"][0]["values"] == {"age": [27, 53]}


def test_unreadable_pictures_are_counted_and_named(report):
    assert report["unreadable"] == {
        "rows": 1,
        "examples": [
            {
                "source": "train.csv",
                "filename": "broken.jpg",
                "problem": "the file is truncated or damaged",
            }
        ],
    }


def test_json_holds_all_of_it(report):
    assert json.loads(json.dumps(report)) == report


def test_ranges_are_counted_beside_years():
    ages = [age_label(25, 32)] * 3 + [age_label(0, 2), age_label(20, 30), 26, 26, None]
    images = [
        ListedImage("t", str(n), "", {"age": age, "gender": None, "race": None}, "", "")
        for n, age in enumerate(ages)
    ]
    age = count_images(images)["age"]
    assert age["years"] == {"26": 2}
    assert age["ranges"] == {"0-2": 1, "20-30": 1, "25-32": 3}
    assert list(age["ranges"]) == ["0-2", "20-30", "25-32"]  # by age
    assert not_zero(age["decades"]) == {"20-29": 2, "ranges": 5}
    # 25-32 and 20-30 are cut by 1-26 | 27-52, and 0-2 reaches below it. 24-39 holds 25-32.
    assert not_zero(age["groups"]["3"]) == {"1-26": 2, "outside": 5, "unlabelled": 1}
    assert not_zero(age["groups"]["5"]) == {"24-39": 5, "outside": 2, "unlabelled": 1}
    assert not_zero(age["groups"]["10"]) == {"25-32": 5, "outside": 2, "unlabelled": 1}
