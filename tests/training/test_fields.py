"""Settings as flags and as command lines, without TensorFlow."""

import argparse
import subprocess
import sys

import pytest

from age_gender_estimation.cli.arguments import add_fields, given_fields
from age_gender_estimation.errors import SettingError
from age_gender_estimation.training.fields import to_args
from age_gender_estimation.training.hparams import HParams
from tests.conftest import ROOT

HELP = """
import sys
from age_gender_estimation.cli.main import execute
try:
    execute(["train", "--help"])
finally:
    assert "tensorflow" not in sys.modules
"""


def given(*argv):
    parser = argparse.ArgumentParser()
    add_fields(parser, HParams)
    return given_fields(parser.parse_args(list(argv)), HParams)


def test_help_shows_the_settings_in_groups_without_loading_tensorflow():
    done = subprocess.run([sys.executable, "-c", HELP], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    titles = [line for line in done.stdout.splitlines() if line.endswith(":") and line[0] != " "]
    assert titles == [
        *("options:", "data:", "tasks and labels:", "network:", "starting weights:"),
        *("optimization:", "schedule and evaluation:", "augmentation:"),
    ]
    assert "--backbone-rate BACKBONE_RATE, --body-rate BACKBONE_RATE" in done.stdout


def test_only_what_the_command_line_gives_is_given():
    assert given() == {}
    assert given("--img-size", "112", "--no-augment-flip") == {
        "img_size": 112,
        "augment_flip": False,
    }
    assert given("--body-rate", "0.5") == given("--backbone-rate", "0.5") == {"backbone_rate": 0.5}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"tasks": ("age", "race"), "loss_weights": ("age=2",), "head_units": ()},
        {"augment_flip": False, "flip_average": True, "learning_rate": 1e-5, "seed": 3},
    ],
)
def test_a_command_line_gives_the_settings_back(settings):
    hparams = HParams(**settings)
    assert HParams(**given(*to_args(hparams))) == hparams


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"num_steps": 0}, "--num-steps: expected more than 0, got 0"),
        ({"max_minutes": -1.0}, "--max-minutes: expected 0 or more, got -1.0"),
        ({"ema": 1.0}, "--ema: expected 0 or more and less than 1, got 1.0"),
        ({"backbone_rate": 2.0}, "--backbone-rate: expected 0 or more and at most 1, got 2.0"),
        ({"head_units": (8, 0)}, "--head-units: expected more than 0, got 0"),
        ({"decay": "linear"}, "--decay: unknown 'linear'; choose from: none, cosine"),
        ({"seed": True}, "--seed: expected a whole number, got True"),
    ],
)
def test_wrong_values_are_refused_with_what_is_expected(settings, message):
    with pytest.raises(SettingError) as error:
        HParams(**settings)
    assert str(error.value) == message
