import pytest
import tensorflow as tf

from age_gender_estimation.training.hooks import TimedSaverHook, show_duration


@pytest.mark.parametrize(
    "seconds, expected",
    [
        (0, "0 s"),
        (89.4, "89 s"),
        (91, "2 min"),
        (3600, "60 min"),
        (5400, "1 h 30 min"),
        (36_300, "10 h 05 min"),
    ],
)
def test_durations_as_people_say_them(seconds, expected):
    assert show_duration(seconds) == expected


@pytest.mark.parametrize("seconds, saved", [(1e-6, ["1", "2", "3", "4"]), (1e6, [])])
def test_the_clock_alone_makes_the_timed_saver_save(tmp_path, seconds, saved):
    with tf.Graph().as_default():
        count = tf.compat.v1.assign_add(tf.compat.v1.train.get_or_create_global_step(), 1)
        hook = TimedSaverHook(
            str(tmp_path), save_secs=seconds, saver=tf.compat.v1.train.Saver(max_to_keep=9)
        )
        with tf.compat.v1.train.SingularMonitoredSession([hook]) as session:
            while session.run(count) < 4:
                pass
    assert sorted(path.stem.rpartition("-")[2] for path in tmp_path.glob("*.index")) == saved
