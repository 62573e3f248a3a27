import itertools
import multiprocessing
import time

import pytest

from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.workers.pool import AHEAD, absolute, map_in_order, open_pool


def test_results_come_in_order_and_little_is_handed_out_ahead():
    counter = itertools.count()
    with open_pool(workers=2) as pool:
        results = map_in_order(pool, abs, (-next(counter) for _ in range(100)))
        assert next(results) == 0 and next(counter) <= AHEAD * 2 + 1
        assert list(results) == [
            *range(1, AHEAD * 2 + 1),
            *range(AHEAD * 2 + 2, 101),
        ]  # less the number taken above


def test_all_processes_start_before_there_is_work():
    before = set(multiprocessing.active_children())
    with open_pool(workers=3):
        assert len(set(multiprocessing.active_children()) - before) == 3


def test_an_error_does_not_wait_for_the_chunks_under_way():
    started = time.monotonic()
    with pytest.raises(SystemExit), open_pool(workers=2) as pool:  # as SIGTERM raises it
        for _ in map_in_order(pool, time.sleep, [0, 600, 600, 600]):
            raise SystemExit(143)
    assert time.monotonic() - started < 300


def test_a_process_that_dies_is_one_line():
    with pytest.raises(InputError, match="a worker process died, .* with fewer --workers"):
        with open_pool(workers=1) as pool:
            list(map_in_order(pool, eval, ["__import__('os')._exit(1)"]))


def test_workers_of_both_kinds_are_refused():
    with pytest.raises(SettingError, match="got both"), open_pool(2, "tcp://127.0.0.1:8786"):
        pass


def test_paths_as_a_worker_elsewhere_understands_them(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert (
        absolute("a/b.jpg") == f"{tmp_path}/a/b.jpg"
        and absolute("/a") == "/a"
        and absolute("s3://a/b") == "s3://a/b"
    )
