from age_gender_estimation.data_report.duplicates import (
    conflicts_of,
    conflicts_report,
    duplicates_report,
    find_duplicates,
)
from age_gender_estimation.data_report.listed_images import ListedImage
from age_gender_estimation.tasks.age_labels import age_label


def face(source, filename, content, age=None, gender=None, race=None):
    return ListedImage(
        source, filename, filename, {"age": age, "gender": gender, "race": race}, content, ""
    )


def names(groups):
    return [[face.filename for face in group] for group in groups]


def test_pictures_in_several_lists_come_first_and_the_others_in_order():
    faces = [
        face("t", "1", "A"),
        face("t", "2", "B"),
        face("t", "3", "A"),
        face("t", "4", "C"),
        face("v", "5", "B"),
    ]
    assert names(find_duplicates(faces)) == [["2", "5"], ["1", "3"]]


def test_broken_files_are_equal_only_under_one_name_in_one_list():
    faces = [face("t", "1", ""), face("t", "2", ""), face("v", "1", ""), face("t", "1", "")]
    assert [
        [(face.source, face.filename) for face in group] for group in find_duplicates(faces)
    ] == [[("t", "1")] * 2]


def test_a_missing_label_contradicts_nothing():
    group = [
        face("t", "1", "A", 30, 1),
        face("t", "2", "A", None, 0),
        face("v", "3", "A", 30, 0, 4),
    ]
    assert conflicts_of(group) == {"gender": [0, 1]}


def test_reports_name_lists_files_labels_and_values():
    groups = [
        [face("t", "1", "A", 41, 1, 0), face("v", "2", "A", 7, 1, 3)],
        [face("t", "3", "B", 5), face("t", "4", "B", 5), face("t", "5", "B")],
    ]
    report = duplicates_report(groups)
    assert (report["groups"], report["rows"], report["groups_in_several_sources"]) == (2, 5, 1)
    assert report["by_sources"] == [
        {"sources": ["t", "v"], "groups": 1},
        {"sources": ["t"], "groups": 1},
    ]
    report = conflicts_report(groups)
    assert (report["groups"], report["rows"], report["by_task"]) == (
        1,
        2,
        {"age": 1, "gender": 0, "race": 1},
    )
    assert report["examples"] == [
        {
            "faces": [
                {
                    "source": "t",
                    "filename": "1",
                    "labels": {"age": 41, "gender": "male", "race": "White"},
                },
                {
                    "source": "v",
                    "filename": "2",
                    "labels": {"age": 7, "gender": "male", "race": "Indian"},
                },
            ],
            "values": {"age": [7, 41], "race": ["White", "Indian"]},
        }
    ]


def test_twenty_examples_are_enough():
    groups = find_duplicates(
        [face("t", f"{number}", f"{number // 2}", number) for number in range(50)]
    )
    for report in (duplicates_report(groups), conflicts_report(groups)):
        assert report["groups"] == 25 and len(report["examples"]) == 20


def test_a_year_contradicts_a_range_that_it_is_not_in():
    def ages_of(*ages):
        return conflicts_of([face("t", str(age), "A", age) for age in ages]).get("age")

    young, old = age_label(25, 32), age_label(38, 43)
    assert ages_of(25, young) is None and ages_of(32, young, None) is None
    assert ages_of(young, 33) == [young, 33]
    assert ages_of(old, young) == [young, old]
    assert ages_of(age_label(30, 40), young) is None  # 30 to 32 are in both
    # Any two of these agree, but no age is all three.
    assert ages_of(25, young, 26) == [25, young, 26]
    group = [face("t", "1", "A", young), face("v", "2", "A", 46)]
    [example] = conflicts_report([group])["examples"]
    assert example["values"] == {"age": ["25-32", 46]}
    assert [row["labels"]["age"] for row in example["faces"]] == ["25-32", 46]
