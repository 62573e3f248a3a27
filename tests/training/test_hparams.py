import dataclasses

import pytest

from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.storage.files import MAX_JSON
from age_gender_estimation.storage.model_folder import ModelFolder
from age_gender_estimation.training.continuation import check_resume
from age_gender_estimation.training.hparams import HParams, load_hparams


def test_json_round_trip(tmp_path):
    hparams = HParams(tasks=("age", "race"), learning_rate=3e-4, augment_flip=False)
    ModelFolder(tmp_path).write_hparams(dataclasses.asdict(hparams))
    assert load_hparams(tmp_path) == hparams


@pytest.mark.parametrize("content", [None, "", "[]", '{"tasks": [], "color": "blue"}'])
def test_a_folder_without_a_model_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "hparams.json").write_text(content)
    with pytest.raises(InputError, match=str(tmp_path)):
        load_hparams(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"tasks": ("age", "height")},
        {"batch_size": 0},
        {"max_minutes": -1.0},
        {"augment_zoom": -0.1},
        {"learning_rate": -1.0},
        {"max_age": 117},
        {"learning_rate": float("nan")},
        {"age_encoding": "ordinal"},
        {"age_encoding": "groups"},
        {"age_encoding": "groups:1-20,15-30"},
        {"age_encoding": "groups:9-3"},
        {"age_sigma": 0.0},
        {"loss_weights": ("age=0",)},
        {"loss_weights": ("height=1",)},
        {"loss_weights": ("age",)},
        {"ema": 1.5},
        {"dropout": -0.1},
        {"head_units": (64, 0)},
        {"tasks": ("age", "age")},
        {"mirror_border": (20, 0, 10)},
        {"mirror_border": (20, 0, 10, 9)},
        {"mirror_border": (20, -10, 5, 5)},
        {"mirror_border": (113, 0, 57, 56)},
        {"loss_weights": ("age=2", "age=3")},
        {"learning_rate": float("inf")},
        {"activation": "gelu"},
        {"age_loss": "l2"},
        {"decay": "linear"},
        {"backbone": "vgg"},
        {"backbone": None},
        {"img_size": "112"},
        {"backbone_rate": 1.1},
        {"age_balance": 2.0},
        {"seed": 2**32},
    ],
)
def test_impossible_values_are_refused_by_name(change):
    with pytest.raises(InputError, match=next(iter(change)).replace("_", "-")):
        HParams(**change)


def test_on_resume_shapes_are_fixed_and_schedules_are_not():
    saved = HParams(tasks=("age",))
    check_resume(
        saved, dataclasses.replace(saved, num_steps=7, learning_rate=1.0, batch_size=1), "model"
    )
    for change in (
        {"img_size": 99},
        {"backbone": "cnn"},
        {"max_age": 80},
        {"tasks": ("gender",)},
        {"age_encoding": "soft"},
        {"head_units": (8,)},
        {"ema": 0.9},
        {"mirror_border": (2, 0, 1, 1)},
    ):
        with pytest.raises(
            InputError, match=f"model was trained with --{next(iter(change)).replace('_', '-')}"
        ):
            check_resume(saved, dataclasses.replace(saved, **change), "model")


def test_a_backbone_that_was_never_trained_stays_so_on_resume():
    saved = HParams(tasks=("age",), backbone_rate=0.0)
    with pytest.raises(InputError, match="trained with --backbone-rate 0.0, got 0.1; 0 cannot"):
        check_resume(saved, dataclasses.replace(saved, backbone_rate=0.1), "model")
    check_resume(HParams(), HParams(backbone_rate=0.1), "model")


def test_the_earlier_name_of_a_field_is_read():
    assert HParams.from_dict({"body_rate": 0.5}) == HParams(backbone_rate=0.5)


def test_an_unknown_age_encoding_names_the_choices():
    with pytest.raises(
        InputError,
        match="choose from: classes, soft, mean_variance, coral, regression, groups:3, groups:5, ",
    ):
        HParams(age_encoding="year")


def test_models_of_before_the_age_encodings_load_with_the_defaults(tmp_path):
    (tmp_path / "hparams.json").write_text(
        '{"tasks": ["age", "gender"], "backbone": "cnn", "img_size": 64}'
    )
    assert load_hparams(tmp_path) == HParams(tasks=("age", "gender"), backbone="cnn", img_size=64)
    assert HParams().age_groups() is None and HParams().task_weights() == {
        "age": 1.0,
        "gender": 1.0,
        "race": 1.0,
    }


@pytest.mark.parametrize(
    "content, reason",
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"img_size": "112"}', "--img-size: expected a whole number, got '112'"),
        ('{"img_size": 112.5}', "--img-size: expected a whole number"),
        ('{"img_size": true}', "--img-size: expected a whole number"),
        ('{"tasks": "age"}', "--tasks: expected text, or several"),
        ('{"tasks": [["age"]]}', "--tasks: expected text"),
        ('{"dense_units": [1.5]}', "--dense-units: expected a whole number, or several"),
        ('{"learning_rate": {}}', "--learning-rate: expected a number"),
        ('{"backbone": null}', "--backbone: expected text"),
        ('{"img_size": -1}', "--img-size: expected more than 0"),
        ('{"img_size": %s}' % ("9" * 5000), "Exceeds the limit"),
        (b"\xff\xfe{}", "utf-8"),
    ],
)
def test_a_hostile_file_is_one_line_and_no_setting_of_ours(tmp_path, content, reason):
    (tmp_path / "hparams.json").write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )
    with pytest.raises(InputError, match=reason) as caught:
        load_hparams(tmp_path)
    assert not isinstance(caught.value, SettingError) and len(str(caught.value)) < 600


def test_a_json_that_is_too_long_is_not_read(tmp_path):
    with open(tmp_path / "hparams.json", "w") as file:
        file.truncate(MAX_JSON + 1)
    with pytest.raises(InputError, match=f"at most {MAX_JSON} characters"):
        load_hparams(tmp_path)


def test_whole_numbers_stand_for_rates_in_json():
    assert HParams.from_dict({"learning_rate": 1, "dense_units": [64]}) == HParams(
        learning_rate=1, dense_units=(64,)
    )
