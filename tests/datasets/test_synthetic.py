import hashlib

import numpy as np

from age_gender_estimation.datasets.synthetic import draw_face, write_synthetic_imdb


def test_equal_seeds_draw_equal_files(tmp_path):
    digests = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_synthetic_imdb(str(tmp_path / name), 6, seed, size=32)
        pictures = sorted((tmp_path / name).rglob("*.jpg"))
        digests.append([hashlib.md5(path.read_bytes()).hexdigest() for path in pictures])
    assert digests[0] == digests[1] != digests[2]


def test_age_and_gender_change_the_drawing():
    def drawn(age, gender):
        return draw_face(age, gender, np.random.default_rng(0), 64).astype(float)

    assert drawn(5, 0).shape == (64, 64, 3)
    assert np.abs(drawn(5, 0) - drawn(80, 0)).mean() > 5
    assert np.abs(drawn(40, 0) - drawn(40, 1)).mean() > 5
