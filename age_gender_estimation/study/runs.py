"""The runs of a study in its folder: checked against the data, as command lines, and reported."""

import filecmp
import functools
import os
import shutil
import sys

from age_gender_estimation.data.manifest import Manifest, open_manifest
from age_gender_estimation.errors import InputError
from age_gender_estimation.storage.files import write_file
from age_gender_estimation.study.grid import Run, Source, Study, run_name, sources_of
from age_gender_estimation.training.fields import to_args


def prepare(study: Study, study_path: str, data_dir: str, output_dir: str) -> None:
    """Checks that a study can run on its data, and copies its file into its folder.

    Raises:
      InputError: another study's folder, missing manifests, or tasks without labels.
    """
    copy = os.path.join(output_dir, "study.yaml")
    if os.path.exists(copy) and not filecmp.cmp(copy, study_path, shallow=False):
        raise InputError(
            f"{output_dir} was made from another study than {study_path} (compare {copy}); "
            "use another --output-dir"
        )
    _check_data(study, data_dir)
    os.makedirs(os.path.join(output_dir, "runs"), exist_ok=True)
    shutil.copyfile(study_path, copy)


def folder_of(output_dir: str, run: Run) -> str:
    """Returns the folder of a run: model/, evaluation/, log.txt, failed.txt."""
    return os.path.join(output_dir, "runs", run_name(run))


def unfinished_commands(study: Study, data_dir: str, output_dir: str) -> dict[str, list[list[str]]]:
    """Returns {folder: [train command, evaluate command]} of the runs without an evaluation."""
    folders = {folder_of(output_dir, run): run for run in study.runs}
    return {
        folder: _commands(study, run, data_dir, folder)
        for folder, run in folders.items()
        if not os.path.exists(os.path.join(folder, "evaluation", "evaluation.json"))
    }


def write_report(study: Study, output_dir: str) -> list:
    """Writes results.csv, results.md and study.html; returns the Results of all runs."""
    from age_gender_estimation.study.page import study_page  # Matplotlib takes a second to load
    from age_gender_estimation.study.results import read_result, results_csv, results_markdown

    results = [read_result(study, run, folder_of(output_dir, run)) for run in study.runs]
    for name, content in (
        ("results.csv", results_csv(study, results)),
        ("results.md", results_markdown(study, results)),
        ("study.html", study_page(study, results)),
    ):
        write_file(os.path.join(output_dir, name), content)
    return results


def _check_data(study: Study, data_dir: str) -> None:
    """Opens all manifests: what cannot be learned is refused before the first run."""
    from age_gender_estimation.training.training_data import fit_to_data

    @functools.cache
    def opened(source: Source, split: str) -> Manifest:
        return open_manifest(source.csv(data_dir, split), source.crops(data_dir), source.labels)

    for run in study.runs:
        sources = sources_of(run)
        tests = [opened(source, "test") for source in study.tests_of(run)]
        train, val = ([opened(source, split) for source in sources] for split in ("train", "val"))
        tasks = fit_to_data(study.hparams(run), train, val).tasks
        if not any(test.num_labels[task] for test in tests for task in tasks):
            raise InputError(
                f"{run_name(run)}: the test manifests of {', '.join(study.test)} label none of its "
                f"tasks, {', '.join(tasks)}"
            )


def _commands(study: Study, run: Run, data_dir: str, folder: str) -> list[list[str]]:
    """Returns the command lines of a run: train, evaluate."""
    sources, tests = sources_of(run), study.tests_of(run)
    model_dir = os.path.join(folder, "model")

    def manifests(flag: str, split: str, chosen: list[Source]) -> list[str]:
        return [flag, *(source.argument(data_dir, split) for source in chosen)]

    def image_dirs(chosen: list[Source]) -> list[str]:
        return ["--img-dir", *(source.crops(data_dir) for source in chosen)]

    train = ["train", "--model-dir", model_dir, *to_args(study.hparams(run)), *image_dirs(sources)]
    train += [*manifests("--train-csv", "train", sources), *manifests("--val-csv", "val", sources)]
    evaluate = ["evaluate", "--model-dir", model_dir, *image_dirs(tests)]
    evaluate += [*manifests("--csv", "test", tests), "--output-dir", f"{folder}/evaluation"]
    return [[sys.executable, "-m", "age_gender_estimation", *line] for line in (train, evaluate)]
