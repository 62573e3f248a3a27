import numpy as np

from age_gender_estimation.data.manifest import Manifest
from age_gender_estimation.tasks.labels import LABELS
from age_gender_estimation.training.doubts import find_doubts


def manifest(names, genders, ages=None):
    columns = {name: np.full(len(names), -1, np.int16) for name in LABELS}
    columns["gender"] = np.array(genders, np.int16)
    columns["age"] = np.array(ages or range(len(names)), np.int16)
    rows = np.arange(len(names), dtype=np.int32)
    return Manifest("x.csv", "crop", ",", (), names, columns, rows, ("age", "gender"), "")


def names(first, number):
    return [f"{index}.jpg" for index in range(first, first + number)]


def test_nothing_is_doubted_about_a_sound_training():
    train, val = manifest(names(0, 40), [0, 1] * 20), manifest(names(40, 20), [1, 0] * 10)
    assert find_doubts(("age", "gender"), [train], [val], 10) == []


def test_one_class_few_faces_shared_faces_and_no_steps_are_said():
    train = manifest(names(0, 40), [1] * 39 + [-1])
    val = manifest(names(38, 4), [0, 0, 0, -1], [30 + 128 * 9] * 4)
    part = val.part("select")
    num_faces = 4 + part.num_rows
    assert find_doubts(("age", "gender"), [train], [val, part], 0) == [
        "age: all validation labels are 30-39; any constant is right",
        "gender: all training labels are male; a constant is learned",
        "gender: all validation labels are female; any constant is right",
        f"{num_faces} validation faces choose the checkpoint: its numbers are mostly chance",
        "2 validation faces are training faces too: their numbers say what was learned by heart",
        "nothing is left to train: the model folder has made --num-steps steps",
    ]
