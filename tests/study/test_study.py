import json

import pytest
import yaml

from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.study.grid import Source, load_study, run_name, sources_of
from age_gender_estimation.study.page import study_page
from age_gender_estimation.study.results import (
    Result,
    read_result,
    results_csv,
    results_markdown,
    summarize,
    summary_rows,
)
from age_gender_estimation.study.runs import folder_of, unfinished_commands
from tests.conftest import ROOT

STUDY = {
    "title": "T",
    "question": "Q?",
    "settings": {"backbone": "cnn", "head_units": [16, 8]},
    "grid": {
        "tasks": ["gender", "age,gender"],
        "age_encoding": ["groups:3", "soft"],
        "sources": ["a", "a+b:race,age"],
        "seed": [0, 1],
    },
}


@pytest.fixture
def load(tmp_path):
    def load(content):
        path = tmp_path / "study.yaml"
        path.write_text(
            content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
        )
        return load_study(path)

    return load


def test_every_combination_is_a_run_and_age_settings_do_not_multiply_runs_without_age(load):
    study = load(STUDY)
    # age,gender: 2 encodings x 2 sources x 2 seeds; gender: the encodings are the same run.
    assert len(study.runs) == 8 + 4
    assert study.axes == ("tasks", "age_encoding", "sources", "seed") and study.test == ("a", "b")
    assert run_name(study.runs[0]) == "tasks=gender sources=a seed=0"
    hparams = study.hparams(study.runs[-1])
    assert (hparams.tasks, hparams.age_encoding, hparams.seed) == (("age", "gender"), "soft", 1)
    assert (hparams.backbone, hparams.head_units) == ("cnn", (16, 8))
    assert sources_of(study.runs[-1]) == [Source("a"), Source("b", ("race", "age"))]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"colour": 1}, "unknown key 'colour'; choose from: title, question, settings, grid, test"),
        ({"settings": {"lr": 1}}, "unknown setting 'lr'; choose from: tasks, max_age"),
        ({"settings": {"warm_start": "pretrained"}}, "unknown setting 'warm_start'"),
        ({"settings": {"seed": 1}}, "seed stands in settings too"),
        ({"grid": {"sources": ["a"], "width": [1]}}, "unknown setting of the grid 'width'"),
        ({"grid": {"seed": [0]}}, "expected sources, found none"),
        ({"grid": {"sources": "a"}}, "sources: expected a list of values, got 'a'"),
        ({"grid": {"sources": ["a"], "seed": []}}, "seed: expected a list of values"),
        (
            {"grid": {"sources": ["a:height"]}},
            "unknown label of a 'height'; choose from: age, gender, race",
        ),
        (
            {"grid": {"sources": ["a"], "age_encoding": ["groups:4-2"]}},
            "first year of a range before its last, got '4-2'",
        ),
        (
            {"grid": {"sources": ["a"], "age_encoding": ["ordinal"]}},
            "unknown 'ordinal'; choose from: classes",
        ),
        ({"grid": {"sources": ["a"], "tasks": ["height"]}}, "--tasks: unknown 'height'"),
        (
            {"grid": {"sources": ["a"], "num_steps": ["many"]}},
            "--num-steps: expected a whole number, got 'many'",
        ),
        (
            {"grid": {"sources": ["a"], "decay": ["linear"]}},
            "decay: unknown 'linear'; choose from: none, cosine",
        ),
        (
            {"settings": {"head_units": "512,many"}},
            "--head-units: expected a whole number, or several, got '512,many'",
        ),
        ({"settings": {"augment_flip": 1}}, "--augment-flip: expected true or false, got 1"),
        ({"settings": ["backbone"]}, r"settings: expected setting: value, got \['backbone'\]"),
        ({"grid": {"sources": [["a", "b"]]}}, "sources: expected a name or names joined by"),
        ({"test": "a"}, "test: expected a list of sources, each once and without labels, got 'a'"),
        ({"test": ["a", "a"]}, "test: expected a list of sources, each once"),
        ({"test": ["a:race"]}, "test: expected a list of sources, each once and without labels"),
        (
            {"grid": {"sources": ["a"], "fold": [0, 1]}},
            "a list fold and {fold} in the names of all sources, or neither; got sources 'a'",
        ),
        ({"grid": {"sources": ["a-{fold}"]}}, "expected a list fold and {fold} in the names"),
        ({"grid": None}, "expected the keys title, question, settings, grid, test"),
    ],
)
def test_wrong_studies_are_refused_by_name(load, change, message):
    with pytest.raises(SettingError, match=message):
        load({**STUDY, **change})


def test_lists_and_texts_of_tasks_are_the_same_runs(load):
    def names(tasks_axis, **settings):
        grid = {"age_encoding": ["regression", "groups:3"], "sources": ["a"]}
        return [
            run_name(run)
            for run in load({"settings": settings, "grid": {**tasks_axis, **grid}}).runs
        ]

    assert names({"tasks": [["age", "gender"]]}) == names({"tasks": ["age,gender"]})
    assert len(names({"tasks": [["age", "gender"]]})) == 2
    # Encodings of an age that nobody learns are one run.
    assert names({}, tasks="gender") == names({}, tasks=["gender"]) == ["sources=a"]


def test_numbers_may_be_written_as_yaml_misreads_them(load):
    study = load(
        "settings: {learning_rate: 1e-3, head_units: 512, clip_norm: 5}\ngrid: {sources: [a]}"
    )
    hparams = study.hparams(study.runs[0])
    assert (hparams.learning_rate, hparams.head_units, hparams.clip_norm) == (0.001, (512,), 5.0)


@pytest.mark.parametrize("text", ["grid: [1", "\x00", "- a\n", ""])
def test_what_is_no_yaml_mapping_is_refused(load, text):
    with pytest.raises(InputError, match="study.yaml: expected"):
        load(text)


@pytest.fixture
def results(load, tmp_path):
    study = load(
        {
            **STUDY,
            "grid": {"tasks": ["age", "gender"], "sources": ["a"], "seed": [0, 1]},
            "test": ["a", "b"],
        }
    )
    reports = {
        "tasks=age sources=a seed=0": {
            "age": {name: {"value": 4.0} for name in ("mae", "rmse", "cs5")}
        },
        "tasks=age sources=a seed=1": {
            "age": {name: {"value": 6.0} for name in ("mae", "rmse", "cs5")}
        },
        "tasks=gender sources=a seed=0": {
            "gender": {"accuracy": {"value": 0.9}},
            "age_range": {"years_outside": {"value": 2.5}, "right_range": {"value": 0.5}},
            "sources": {"x/test.csv": {"gender": {"accuracy": {"value": 0.8}}}, "y/test.csv": {}},
        },
    }
    for name, report in reports.items():
        for folder in ("evaluation", "model"):
            (tmp_path / "runs" / name / folder).mkdir(parents=True)
        (tmp_path / "runs" / name / "evaluation/evaluation.json").write_text(
            json.dumps({"csv": [], **report})
        )
        history = {
            "evaluations": [
                {"step": 2, "val_loss": 1.0, "age_mae": 9.0},
                {"step": 4, "val_loss": 1.0, "age_mae": 5.0},
            ]
            if "=age" in name
            else []
        }
        (tmp_path / "runs" / name / "model/eval.json").write_text(json.dumps(history))
    (tmp_path / "runs/tasks=gender sources=a seed=1").mkdir()
    (tmp_path / "runs/tasks=gender sources=a seed=1/failed.txt").write_text(
        "exit code 1: <disk> full\n"
    )
    return study, [read_result(study, run, folder_of(tmp_path, run)) for run in study.runs]


def test_means_and_spread_are_over_seeds(results):
    (ages, age_metrics), (genders, gender_metrics) = summarize(results[1])
    assert ages == {"tasks": "age", "sources": "a"} and genders["tasks"] == "gender"
    # Of 4 and 6: mean 5, sample deviation sqrt(((4 - 5)^2 + (6 - 5)^2) / 1)
    assert age_metrics["age_mae"] == (5.0, pytest.approx(2**0.5), 2)
    assert gender_metrics == {
        "gender_accuracy": (0.9, None, 1),
        "age_range_years_outside": (2.5, None, 1),
        "age_range_right_range": (0.5, None, 1),
        "gender_accuracy@a": (0.8, None, 1),
    }
    header, rows = summary_rows(*results)
    assert header[-5:-2] == ["gender accuracy", "age range years outside", "age range right range"]
    assert header[-2:] == ["gender accuracy@a", "runs"]
    assert rows[0][2] == "5.00 \u00b1 1.41"
    assert rows[1][-5:] == ["90.0%", "2.50", "50.0%", "80.0%", 1]


def test_failed_and_missing_runs_stand_in_the_tables(results):
    study, (*_, failed) = results
    assert failed == Result(failed.run, error="exit code 1: <disk> full")
    lines = results_csv(*results).splitlines()
    assert (
        lines[0] == "tasks,sources,seed,age_mae,age_rmse,age_cs5,gender_accuracy,"
        "age_range_years_outside,age_range_right_range,gender_accuracy@a,error"
    )
    assert lines[1] == "age,a,0,4.000000,4.000000,4.000000,,,,,"
    assert lines[4] == "gender,a,1,,,,,,,,exit code 1: <disk> full"
    assert "| age    | a       | 5.00 \u00b1 1.41 |" in results_markdown(*results)


def test_the_page_has_tables_curves_and_failures(results):
    text = study_page(*results)
    assert (
        text.count("data:image/png;base64,") == 2 and "&lt;disk&gt; full" in text and "Q?" in text
    )
    assert "http" not in text.replace("http-equiv", "")


def test_a_page_of_failures_only_says_so(results):
    study, _ = results
    text = study_page(study, [Result(run, error="did not run") for run in study.runs])
    assert text.count("did not run") == 4 and "image/png" not in text


@pytest.fixture
def folds(load):
    grid = {"fold": [0, 1, 2], "sources": ["a-{fold}", "b+a-{fold}:age"], "seed": [0]}
    return load({"grid": grid, "test": ["a-{fold}"]})


def test_each_fold_is_trained_and_measured_on_a_source_of_its_own(folds):
    assert [run["fold"] for run in folds.runs] == ["0", "0", "1", "1", "2", "2"]
    run = folds.runs[3]
    assert run_name(run) == "fold=1 sources=b+a-{fold}:age seed=0"
    assert sources_of(run) == [Source("b"), Source("a-1", ("age",))]
    assert folds.tests_of(run) == [Source("a-1")]
    train, evaluate = unfinished_commands(folds, "data", "out")[folder_of("out", run)]
    assert train[train.index("--train-csv") + 1 :][:2] == [
        "data/b/train.csv",
        "data/a-1/train.csv:age",
    ]
    assert evaluate[evaluate.index("--csv") + 1] == "data/a-1/test.csv"


def test_without_test_all_sources_of_the_fold_are_measured(load):
    study = load({"grid": {"fold": ["x"], "sources": ["a-{fold}", "b-{fold}:age+a-{fold}"]}})
    assert study.test == ("a-{fold}", "b-{fold}")
    assert study.tests_of(study.runs[0]) == [Source("a-x"), Source("b-x")]


def test_means_and_spread_are_over_folds(folds):
    errors = {"0": 4.0, "1": 5.0, "2": 9.0}
    history = [{"step": 2, "age_mae": 9.0}]
    results = [Result(run, {"age_mae": errors[run["fold"]]}, history) for run in folds.runs[::2]]
    # Of 4, 5 and 9: mean 6, sample deviation sqrt((4 + 1 + 9) / 2) = sqrt(7)
    (settings, metrics), *others = summarize(results)
    assert settings == {"sources": "a-{fold}"} and others == []
    assert metrics["age_mae"] == (6.0, pytest.approx(7**0.5), 3)
    header, rows = summary_rows(folds, results)
    assert header == ["sources", "age mae", "runs"]
    assert rows == [["a-{fold}", "6.00 \u00b1 2.65", 3]]
    assert "standard deviation over seeds and folds" in results_markdown(folds, results)
    assert study_page(folds, results).count("data:image/png;base64,") == 2


@pytest.mark.parametrize(
    "path", sorted((ROOT / "studies").glob("*.yaml")), ids=lambda path: path.stem
)
def test_the_studies_that_we_ship_are_valid(path):
    assert load_study(path).runs
