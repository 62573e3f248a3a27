from age_gender_estimation.evaluation.summary import summary


def share(value, n=100):
    return {"value": value, "low": value, "high": value, "n": n}


def ages(mae, coverage, n=100):
    return {"mae": share(mae, n), "interval": {"coverage": share(coverage, n), "width": 9.0}}


DECADES = {
    "20-29": {**share(3.0), "bias": 0.5},
    "60-69": {**share(7.5), "bias": -4.5},
    "90-99": {**share(30.0, 19), "bias": -30.0},  # too few faces to be the worst
}


def test_best_and_worst_list_worst_ages_and_the_interval():
    lists = {
        "home.csv": {"age": ages(4.0, 0.8), "gender": {"accuracy": share(0.96)}},
        "away.csv": {"age": ages(8.0, 0.62), "gender": {"accuracy": share(0.89)}},
        "middle.csv": {"age": ages(5.0, 0.71)},
        # 30 years among 300 ranges do not say that it is the best.
        "ranges.csv": {
            "age": {"mae": share(2.0, 30)},
            "age_range": {"years_outside": share(2.9, 300), "right_range": share(0.58, 300)},
        },
        "few.csv": {"age": ages(1.0, 1.0, 19)},
    }
    report = {"age": {**ages(5.6, 0.7), "by": {"decade": DECADES}}}
    assert summary(report, lists) == [
        "It is best on faces like those of home.csv: ages are off by 4.0 years in the mean, gender "
        "is right in 96%; ranges.csv, with labels of another kind: ages are 2.9 years outside the "
        "true range in the mean, 58% get the right range.",
        "It is worse on faces like those of away.csv: ages are off by 8.0 years in the mean, "
        "gender is right in 89%; at ages 60-69: 7.5 years off in the mean, too young by 4.5.",
        "The 80% interval holds the true age of 80% in home.csv and 62% in away.csv: it is too "
        "narrow for faces like those of away.csv, middle.csv.",
    ]


def test_one_list_says_how_good_and_at_which_ages_not():
    report = {"age": {**ages(4.0, 0.79), "by": {"decade": DECADES}}}
    assert summary(report, {"val.csv": report}) == [
        "On faces like those of val.csv: ages are off by 4.0 years in the mean.",
        "It is worse at ages 60-69: 7.5 years off in the mean, too young by 4.5.",
        "The 80% interval holds the true age of 79% in val.csv.",
    ]


def test_an_interval_that_misses_by_chance_is_not_called_too_narrow():
    coverage = {**share(0.7, 25), "low": 0.5, "high": 0.88}
    of_age = {"mae": share(4.0), "interval": {"coverage": coverage}}
    expected = "The 80% interval holds the true age of 70% in a.csv."
    assert summary({}, {"a.csv": {"age": of_age}})[-1] == expected


def test_a_model_without_ages_is_compared_by_its_first_class():
    lists = {
        "a.csv": {"gender": {"accuracy": share(0.9)}},
        "b.csv": {"gender": {"accuracy": share(0.95)}},
    }
    assert summary({}, lists) == [
        "It is best on faces like those of b.csv: gender is right in 95%.",
        "It is worse on faces like those of a.csv: gender is right in 90%.",
    ]


def test_a_few_faces_say_nothing():
    lists = {"a.csv": {"gender": {"accuracy": share(0.9, 19)}}}
    assert summary({}, lists) == ["It was measured on fewer than 20 faces, which say nothing."]
