"""TF_CONFIG, right and wrong."""

import json

import pytest

from age_gender_estimation.errors import SettingError
from age_gender_estimation.training.distributed.cluster import EXAMPLE, read_cluster
from age_gender_estimation.training.hparams import HParams
from age_gender_estimation.training.run import run_training


def tf_config(cluster, task_type, index):
    return json.dumps(
        {"cluster": cluster, "task": {"type": task_type, "index": index}, "environment": "cloud"}
    )


CHIEF_AND_TWO = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}


@pytest.mark.parametrize(
    "cluster, task_type, index, is_chief, others",
    [
        (CHIEF_AND_TWO, "chief", 0, True, ("b:1", "c:1")),
        (CHIEF_AND_TWO, "worker", 0, False, ("a:1", "c:1")),
        (CHIEF_AND_TWO, "worker", 1, False, ("a:1", "b:1")),
        ({"worker": ["b:1", "c:1"]}, "worker", 0, True, ("c:1",)),
        ({"worker": ["b:1", "c:1"]}, "worker", 1, False, ("b:1",)),
    ],
)
def test_the_chief_or_else_the_first_worker_writes(cluster, task_type, index, is_chief, others):
    text = tf_config(cluster, task_type, index)
    read = read_cluster("multi_worker", text)
    assert (read.is_chief, read.others, read.tf_config) == (is_chief, others, text)


def test_the_example_in_the_messages_is_a_right_one():
    assert read_cluster("multi_worker", EXAMPLE).is_chief


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "found none"),
        ("{", "not valid JSON"),
        ('"worker"', "no cluster"),
        ("{}", "no cluster"),
        ('{"cluster": {"worker": 5}, "task": {"type": "worker", "index": 0}}', "no cluster"),
        ('{"cluster": {"worker": ["b:1", "c:1"]}}', "no cluster, or no task"),
        (tf_config({"worker": ["b:1", "c:1"]}, "worker", "first"), "not valid JSON"),
        (
            tf_config({"worker": ["b:1"], "ps": ["c:1"]}, "worker", 0),
            "unknown task type 'ps', choose from chief, worker",
        ),
        (tf_config({"worker": ["b:1", "c:1"]}, "evaluator", 0), "unknown task type 'evaluator'"),
        (tf_config({"worker": ["b:1", "c:1"]}, "worker", 2), "there is no worker 2"),
        (tf_config({"worker": ["b:1", "c:1"]}, "chief", 0), "there is no chief 0"),
        (tf_config({"worker": ["b:1", "b:1"]}, "worker", 0), "an address occurs twice"),
        (
            tf_config({"worker": ["b", "c:1"]}, "worker", 0),
            "expected addresses HOST:PORT, got b, c:1",
        ),
        (tf_config({"chief": ["a:1", "b:1"]}, "chief", 0), "expected one chief, got 2"),
        (tf_config({"worker": ["b:1"]}, "worker", 0), "expected two or more machines"),
    ],
)
def test_what_is_wrong_is_said(text, message):
    with pytest.raises(SettingError, match="TF_CONFIG") as error:
        read_cluster("multi_worker", text)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_without_multi_worker_several_machines_are_refused_and_one_is_left_alone():
    with pytest.raises(SettingError, match="expected --distribute multi_worker, got none"):
        read_cluster("none", EXAMPLE)
    for text in ("", tf_config({"worker": ["b:1"]}, "worker", 0)):
        assert read_cluster("mirrored", text) is None


@pytest.mark.parametrize("start", [{"weights": "imagenet"}, {"warm_start": "pretrained"}])
def test_averages_that_would_hang_are_refused(start, tmp_path):
    cluster = read_cluster("multi_worker", EXAMPLE)
    with pytest.raises(SettingError, match="--ema: expected no --weights and no --warm-start"):
        run_training(HParams(ema=0.9, **start), [], [], str(tmp_path), "cpu", cluster=cluster)
