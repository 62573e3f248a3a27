import dataclasses
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from age_gender_estimation.data import input_pipeline, splits
from age_gender_estimation.data.csv_rows import read_rows
from age_gender_estimation.data.input_pipeline import (
    balanced_shares,
    evaluation_dataset,
    training_dataset,
)
from age_gender_estimation.data.manifest import manifest_text, open_manifest
from age_gender_estimation.faces.photo import encode_jpeg
from age_gender_estimation.tasks.age_labels import age_label
from age_gender_estimation.training.hparams import HParams

HPARAMS = HParams(tasks=("age", "gender", "race"), img_size=16, batch_size=5, augment_flip=False)


def write(folder, ages, columns, prefix=""):
    """A manifest whose pictures' brightness is twice their age."""
    folder.mkdir()
    names = [f'{prefix}{age}, "q"\r\nx\r.jpg' for age in ages]
    for name, age in zip(names, ages):
        (folder / name).write_bytes(encode_jpeg(np.full((16, 16, 3), 2 * age, np.uint8)))
    rows = (
        (name, {"age": age, "gender": age % 2, "race": None if age % 3 else 4})
        for name, age in zip(names, ages)
    )
    (folder / "m.csv").write_text(manifest_text(rows, columns), encoding="utf-8")
    return open_manifest(folder / "m.csv", folder)


@pytest.fixture
def manifests(tmp_path):
    return [
        write(tmp_path / "one", range(23), ["age", "gender", "race"]),
        write(tmp_path / "two", range(30, 37), ["gender", "age"]),
    ]


def test_evaluation_sees_every_example_once_in_order_with_its_own_picture(manifests):
    batches = list(
        evaluation_dataset(manifests, ("age", "gender", "race"), 16, 4).as_numpy_iterator()
    )
    ages = np.concatenate([labels["age"] for _, labels in batches])
    assert ages.tolist() == [*range(23), *range(30, 37)]
    assert [len(labels["age"]) for _, labels in batches] == [4] * 7 + [2]
    brightness = np.concatenate([features["image"].mean((1, 2, 3)) for features, _ in batches])
    np.testing.assert_allclose(brightness, 2 * ages, atol=1.01)
    races = np.concatenate([labels["race"] for _, labels in batches])
    assert races.tolist() == [-1 if age % 3 or age >= 30 else 4 for age in ages]
    assert np.concatenate([labels["gender"] for _, labels in batches]).tolist() == [
        age % 2 for age in ages
    ]


def test_of_a_part_only_its_rows_are_read_each_with_its_own_label(manifests, monkeypatch):
    monkeypatch.setattr(splits, "PART_ROWS", 4)
    part = manifests[0].part("calibrate")
    expected = [4, 5, 6, 7, 16, 17, 18, 19]
    assert part.labels["age"].tolist() == expected
    batches = list(
        evaluation_dataset([part, manifests[1]], ("age", "gender"), 16, 4).as_numpy_iterator()
    )
    ages = np.concatenate([labels["age"] for _, labels in batches])
    assert ages.tolist() == [*expected, *range(30, 37)]
    brightness = np.concatenate([features["image"].mean((1, 2, 3)) for features, _ in batches])
    np.testing.assert_allclose(brightness, 2 * ages, atol=1.01)


def epoch(dataset, batches):
    return np.concatenate(
        [labels["age"] for _, labels in dataset.take(batches).as_numpy_iterator()]
    ).tolist()


def test_training_shuffles_every_epoch_and_shows_each_example_once_in_it(manifests):
    dataset = training_dataset(manifests, ("age",), HPARAMS, seed=1)
    ages = epoch(dataset, 12)  # two epochs of 30
    first, second = ages[:30], ages[30:]
    assert sorted(first) == sorted(second) == [*range(23), *range(30, 37)]
    assert first != second and first != sorted(first)
    # Within one source too: a real shuffle moves a row by a third of the length on average, 7.7 of
    # 23.
    for ages_of_one_source in ([age for age in half if age < 23] for half in (first, second)):
        assert np.abs(np.argsort(ages_of_one_source) - np.arange(23)).mean() > 4
    assert epoch(training_dataset(manifests, ("age",), HPARAMS, seed=1), 12) == ages
    assert epoch(training_dataset(manifests, ("age",), HPARAMS, seed=2), 12) != ages


@pytest.mark.parametrize("balance", [0.0, 0.5])
def test_workers_deal_out_the_batches_of_one_machine(manifests, balance):
    """So no row is seen twice in an epoch, of several manifests and with balanced ages too."""
    hparams = dataclasses.replace(
        HPARAMS,
        batch_size=6,
        age_balance=balance,
        augment_color=0.2,
        augment_blur=0.5,
        augment_jpeg=0.5,
    )
    contexts = [tf.distribute.InputContext(2, number, 2) for number in range(2)]
    workers = [training_dataset(manifests, ("age",), hparams, 1, each) for each in contexts]
    one = training_dataset(manifests, ("age",), hparams, 1)
    seen = []
    for whole, *halves in zip(
        one.take(5).as_numpy_iterator(), *(each.as_numpy_iterator() for each in workers)
    ):
        assert [len(labels["age"]) for _, labels in halves] == [3, 3]
        for number, (features, labels) in enumerate(
            halves
        ):  # every second row, augmented as on one machine
            np.testing.assert_array_equal(labels["age"], whole[1]["age"][number::2])
            np.testing.assert_array_equal(features["image"], whole[0]["image"][number::2])
        seen += whole[1]["age"].tolist()
    assert balance or sorted(seen) == [*range(23), *range(30, 37)]


def test_sources_are_mixed_in_proportion(manifests):
    first_half = epoch(training_dataset(manifests, ("age",), HPARAMS, seed=0), 3)
    assert 1 <= sum(age >= 30 for age in first_half) <= 6  # 3.5 of 15 expected


def test_training_pictures_belong_to_their_labels_and_are_augmented_only_there(manifests):
    hparams = dataclasses.replace(HPARAMS, augment_color=0.2)
    features, labels = next(
        training_dataset(manifests, ("age",), hparams, seed=0).as_numpy_iterator()
    )
    changed = features["image"].mean((1, 2, 3)) - 2 * labels["age"]
    assert features["image"].shape == (5, 16, 16, 3) and np.abs(changed).max() > 2
    features, labels = next(
        training_dataset(manifests, ("age",), HPARAMS, seed=0).as_numpy_iterator()
    )
    np.testing.assert_allclose(features["image"].mean((1, 2, 3)), 2 * labels["age"], atol=1.01)


def test_rows_are_read_undecoded(manifests):
    path, labels = next(iter(read_rows(manifests[1:], ("age", "race"))))
    assert path.dtype == tf.string and path.numpy().decode().endswith('30, "q"\r\nx\r.jpg')
    assert (int(labels["age"]), int(labels["race"])) == (30, -1)


def test_labels_that_are_not_asked_for_are_not_read(manifests, tmp_path):
    race_only = open_manifest(manifests[0].path, manifests[0].image_dir, ("race",))
    _, labels = next(iter(read_rows([race_only], ("age", "gender", "race"))))
    assert {name: int(label) for name, label in labels.items()} == {
        "age": -1,
        "gender": -1,
        "race": 4,
    }


@pytest.mark.parametrize("name", [b'"0009, ', b'"8, '])
def test_a_list_that_was_replaced_meanwhile_gives_no_wrong_labels(manifests, name):
    rows = read_rows(manifests, ("age",))
    text = (path := pathlib.Path(manifests[0].path)).read_bytes()
    path.write_bytes(text.replace(b'"9, ', name))
    with pytest.raises(tf.errors.InvalidArgumentError, match="m.csv has changed"):
        list(rows)


def test_shares_of_the_decades():
    ages = {0: 64, 1: 16, 11: 1}
    assert balanced_shares(ages, 0.0) == pytest.approx({0: 64 / 81, 1: 16 / 81, 11: 1 / 81})
    # Square roots 8, 4 and 1 of 13; the 19 rows without an age keep their 19 of 100.
    expected = {0: 8 / 13 * 0.81, 1: 4 / 13 * 0.81, 11: 1 / 13 * 0.81, -1: 0.19}
    assert balanced_shares({**ages, -1: 19}, 0.5) == pytest.approx(expected)
    assert balanced_shares(ages, 1.0) == pytest.approx({0: 1 / 3, 1: 1 / 3, 11: 1 / 3})


def test_balanced_ages_are_drawn_in_these_shares_each_row_equally_often(manifests):
    """In a graph, as the Estimator does it: there `==` of tensors compares identities."""
    hparams = dataclasses.replace(HPARAMS, age_balance=1.0, batch_size=100)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        dataset = training_dataset(manifests, ("age", "race"), hparams, 3)
        batches = tf.compat.v1.data.make_initializable_iterator(dataset)
        batch = batches.get_next()
        session.run(batches.initializer)
        ages = np.concatenate([session.run(batch)[1]["age"] for _ in range(6)])
    # Decades 0 to 3 have 10, 10, 3 and 7 rows; of 600 draws 150 each, standard deviation 11.
    counts = np.bincount(ages // 10, minlength=4)
    assert counts.sum() == 600 and np.all(np.abs(counts - 150) < 45)
    # Each pass through a decade shows each of its rows once.
    assert np.ptp(np.bincount(ages)[20:23]) <= 1


@pytest.mark.parametrize("settings", [{"max_age": 19}, {"age_encoding": "groups:0-4,10-19"}])
def test_ages_that_the_head_cannot_use_count_as_rows_without_an_age(manifests, settings):
    hparams = dataclasses.replace(HPARAMS, age_balance=1.0, batch_size=300, **settings)
    ages = next(training_dataset(manifests, ("age",), hparams, 0).as_numpy_iterator())[1]["age"]
    is_usable = (ages < 5) | (ages >= 10) & (ages < 20) if "age_encoding" in settings else ages < 20
    # Of 30 rows 10 or 15 have an unusable age and keep their share; the two decades share the rest
    # equally.
    share = 1 / 2 if "age_encoding" in settings else 1 / 3
    assert abs(np.mean(~is_usable) - share) < 0.1
    assert abs(np.mean(is_usable & (ages < 10)) - (1 - share) / 2) < 0.1


def test_rows_without_an_age_keep_their_share_when_ages_are_balanced(tmp_path):
    manifest = write(tmp_path / "one", range(10), ["age", "gender"])
    other = write(tmp_path / "two", range(40, 50), ["gender"])
    hparams = dataclasses.replace(HPARAMS, age_balance=1.0, batch_size=100)
    labels = next(
        training_dataset([manifest, other], ("age", "gender"), hparams, 0).as_numpy_iterator()
    )[1]
    assert 30 < sum(labels["age"] == -1) < 70


@pytest.mark.parametrize("balance", [0.0, 0.5])
def test_rows_of_a_source_are_drawn_in_proportion_to_its_weight(tmp_path, balance):
    # Of one decade, so that balancing changes nothing: 4 rows of weight 6, 8 rows of weight 1.
    manifests = [
        write(tmp_path / "one", range(20, 24), ["age"]),
        write(tmp_path / "two", range(20, 28), ["age"], prefix="other"),
    ]
    hparams = dataclasses.replace(
        HPARAMS, source_weights=(6.0, 1.0), age_balance=balance, batch_size=400
    )
    labels = next(training_dataset(manifests, ("age",), hparams, 0).as_numpy_iterator())[1]
    # 24 to 27 are in the second list alone: 4 of 32 of the weight, 50 of 400 draws, deviation 7.
    assert 22 < sum(labels["age"] >= 24) < 78


def test_balanced_decades_of_weighted_sources(tmp_path):
    manifests = [
        write(tmp_path / "one", [20, 21, 22, 30], ["age"]),
        write(tmp_path / "two", [23, 31, 32, 33], ["age"], prefix="other"),
    ]
    hparams = dataclasses.replace(
        HPARAMS, source_weights=(3.0, 1.0), age_balance=1.0, batch_size=800
    )
    ages = next(training_dataset(manifests, ("age",), hparams, 0).as_numpy_iterator())[1]["age"]
    assert 340 < sum(ages < 30) < 460  # half of them, deviation 14
    # Within the thirties, 3 of 6 of the weight is the one row of the first list.
    assert 0.4 < sum(ages == 30) / sum(ages >= 30) < 0.6


def test_a_range_counts_in_the_decade_of_its_middle_and_an_open_one_near_its_start(tmp_path):
    labels = [age_label(*years) for years in ((15, 20), (25, 32), (70, 116), (40, 43), (0, 0))]
    manifest = dataclasses.replace(
        write(tmp_path / "one", range(5), ["age"]), labels={"age": np.array([*labels], np.int16)}
    )
    # The middles are 17, 28, 75, 41 and 0.
    decades = input_pipeline._decades([manifest], HParams(max_age=116).usable_ages)
    assert decades.tolist() == [1, 2, 7, 4, 0]
