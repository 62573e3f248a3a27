"""Trains and measures every combination of a study's settings, and writes one page about them; see studies/*.yaml.

    bin/run_study.py studies/single-or-multi-task.yaml --data-dir var --output-dir var/studies/single-or-multi-task

Every run is a train.py and an evaluate.py in a folder of its own. Started again, finished runs are skipped and the one
that was cut off goes on; failed runs are listed and tried again.
"""

import filecmp
import functools
import logging
import os
import sys

from age_gender_estimation.cli.arguments import make_parser, positive, to_args
from age_gender_estimation.cli.manifests import open_manifests
from age_gender_estimation.errors import InputError
from age_gender_estimation.storage.files import write_file
from age_gender_estimation.study.execution import execute_all, lock_folder
from age_gender_estimation.study.grid import Source, load_study, run_name, sources_of


def main(argv=None):
    parser = make_parser("age-gender study", __doc__)
    parser.add_argument("study", help="the YAML file")
    parser.add_argument(
        "--data-dir",
        required=True,
        help="has a folder per source: train.csv, val.csv, test.csv, crop/",
    )
    parser.add_argument(
        "--output-dir", required=True, help="gets runs/, results.csv, results.md and study.html"
    )
    parser.add_argument(
        "--jobs", type=positive, default=1, help="runs at a time; they share the CPU's cores"
    )
    args = parser.parse_args(argv)
    study = load_study(args.study)
    logging.getLogger("age_gender_estimation").setLevel(
        logging.WARNING
    )  # every run says in its own log what it uses
    refuse_other_study(args.study, args.output_dir)
    check_data(study, args.data_dir)
    os.makedirs(os.path.join(args.output_dir, "runs"), exist_ok=True)
    with open(args.study, encoding="utf-8") as file:
        write_file(os.path.join(args.output_dir, "study.yaml"), file.read())

    from age_gender_estimation.study.page import study_page
    from age_gender_estimation.study.results import read_results, results_csv, results_markdown

    with lock_folder(args.output_dir) as lock:
        todo = [
            each
            for each in study.runs
            if not os.path.exists(f"{folder_of(args, each)}/evaluation/evaluation.json")
        ]
        print(
            f"{len(study.runs)} runs, {len(study.runs) - len(todo)} finished before",
            file=sys.stderr,
        )
        execute_all(
            {folder_of(args, each): commands(study, each, args) for each in todo}, args.jobs, lock
        )
    results = read_results(study, args.output_dir)
    write_file(os.path.join(args.output_dir, "results.csv"), results_csv(study, results))
    write_file(os.path.join(args.output_dir, "results.md"), results_markdown(study, results))
    write_file(os.path.join(args.output_dir, "study.html"), study_page(study, results))
    failed = [result for result in results if result.error]
    for result in failed:
        print(f"failed: {run_name(result.run)}: {result.error}", file=sys.stderr)
    print(
        f"written: {args.output_dir}/study.html, results.csv and results.md; {len(results) - len(failed)} of "
        f"{len(results)} runs finished"
    )
    return 1 if failed else 0


def check_data(study, data_dir):
    """Opens every manifest and holds every run against it: what cannot be learnt is found before the first run."""
    from age_gender_estimation.training.training_data import fit_to_data

    @functools.cache
    def opened(source, split):
        return open_manifests([source.csv(data_dir, split)], [source.crops(data_dir)])[0]

    tests = [opened(Source(name), "test") for name in study.test]
    for each in study.runs:
        train, val = (
            [opened(source, split) for source in sources_of(each)] for split in ("train", "val")
        )
        tasks = fit_to_data(study.hparams(each), train, val).tasks
        if not any(test.num_labels[task] for test in tests for task in tasks):
            raise InputError(
                f"{run_name(each)}: the test lists of {', '.join(study.test)} label nothing of what it learns, "
                f"{', '.join(tasks)}"
            )


def refuse_other_study(study_path, output_dir):
    """Raises InputError where the folder holds a copy of another study file."""
    copy = os.path.join(output_dir, "study.yaml")
    if os.path.exists(copy) and not filecmp.cmp(copy, study_path, shallow=False):
        raise InputError(
            f"{output_dir} was made from another study than {study_path} (compare {copy}); use another "
            "--output-dir"
        )


def folder_of(args, each):
    return os.path.join(args.output_dir, "runs", run_name(each))


def commands(study, each, args):
    """Returns the command lines of a run: train.py, evaluate.py."""
    data_dir, folder = args.data_dir, folder_of(args, each)
    sources, tests = sources_of(each), [Source(name) for name in study.test]
    train, val = ([source.csv(data_dir, split) for source in sources] for split in ("train", "val"))
    crops = [source.crops(data_dir) for source in sources]
    model_dir = os.path.join(folder, "model")
    train_command = [
        "train",
        "--train-csv",
        *train,
        "--val-csv",
        *val,
        "--img-dir",
        *crops,
        "--model-dir",
        model_dir,
        *to_args(study.hparams(each)),
    ]
    evaluate_command = [
        "evaluate",
        "--model-dir",
        model_dir,
        "--csv",
        *(source.csv(data_dir, "test") for source in tests),
        "--img-dir",
        *(source.crops(data_dir) for source in tests),
        "--output-dir",
        os.path.join(folder, "evaluation"),
    ]
    return [
        [sys.executable, "-m", "age_gender_estimation", *command]
        for command in (train_command, evaluate_command)
    ]
