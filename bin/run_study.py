#!/usr/bin/env python3
"""Trains and measures every combination of a study's settings, and writes one page about them; see studies/*.yaml.

    bin/run_study.py studies/single-or-multi-task.yaml --data-dir var --output-dir var/studies/single-or-multi-task

Every run is a train.py and an evaluate.py in a folder of its own. Started again, finished runs are skipped and the one
that was cut off goes on; failed runs are listed and tried again.
"""
import dataclasses
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from command_line import make_parser, open_manifests, positive, run
from tqdm import tqdm

from age_gender_estimation.data.files import write_file
from age_gender_estimation.errors import InputError
from age_gender_estimation.evaluation.study import load_study, run_name, sources_of

BIN = os.path.dirname(os.path.abspath(__file__))


def main():
    parser = make_parser(__doc__)
    parser.add_argument("study", help="the YAML file")
    parser.add_argument("--data-dir", required=True, help="has a folder per source: train.csv, val.csv, test.csv, crop/")
    parser.add_argument("--output-dir", required=True, help="gets runs/, results.csv, results.md and study.html")
    parser.add_argument("--jobs", type=positive, default=1, help="runs at a time; they share the CPU's cores")
    args = parser.parse_args()
    study = load_study(args.study)
    check_data(study, args.data_dir)
    claim_folder(args.study, args.output_dir)

    from age_gender_estimation.evaluation.study_page import study_page
    from age_gender_estimation.evaluation.study_results import read_results, results_csv, results_markdown
    todo = [each for each in study.runs if not os.path.exists(result_path(args.output_dir, each))]
    print(f"{len(study.runs)} runs, {len(study.runs) - len(todo)} finished before", file=sys.stderr)
    with ThreadPoolExecutor(args.jobs) as pool, tqdm(total=len(todo), unit="runs", mininterval=0) as bar:
        for _ in pool.map(lambda each: execute(study, each, args), todo):
            bar.update()
    results = read_results(study, args.output_dir)
    write_file(os.path.join(args.output_dir, "results.csv"), results_csv(study, results))
    write_file(os.path.join(args.output_dir, "results.md"), results_markdown(study, results))
    write_file(os.path.join(args.output_dir, "study.html"), study_page(study, results))
    failed = [result for result in results if result.error]
    for result in failed:
        print(f"failed: {run_name(result.run)}: {result.error}", file=sys.stderr)
    print(f"written: {args.output_dir}/study.html, results.csv and results.md; {len(results) - len(failed)} of "
          f"{len(results)} runs finished")
    return 1 if failed else 0


def check_data(study, data_dir):
    """Opens every manifest that a run will use: what is missing or has no such labels is found before the first run."""
    for text in dict.fromkeys(name for each in study.runs for name in each["sources"].split("+")):
        name, colon, labels = text.partition(":")
        for split in ("train", "val"):
            open_manifests([f"{data_dir}/{name}/{split}.csv{colon}{labels}"], [f"{data_dir}/{name}/crop"])
    for name in study.test:
        open_manifests([f"{data_dir}/{name}/test.csv"], [f"{data_dir}/{name}/crop"])


def claim_folder(study_path, output_dir):
    """Copies the study file into its folder; a folder made from another one is refused."""
    os.makedirs(os.path.join(output_dir, "runs"), exist_ok=True)
    copy = os.path.join(output_dir, "study.yaml")
    with open(study_path, encoding="utf-8") as file:
        text = file.read()
    if os.path.exists(copy):
        with open(copy, encoding="utf-8") as file:
            if file.read() != text:
                raise InputError(f"{output_dir} was made from another study than {study_path} (compare {copy}); use another "
                                 "--output-dir")
    write_file(copy, text)


def result_path(output_dir, each):
    return os.path.join(output_dir, "runs", run_name(each), "evaluation", "evaluation.json")


def execute(study, each, args):
    """Trains and evaluates a run; its output goes to log.txt, why it failed to failed.txt."""
    folder = os.path.join(args.output_dir, "runs", run_name(each))
    os.makedirs(folder, exist_ok=True)
    failure = os.path.join(folder, "failed.txt")
    threads = str(max(1, len(os.sched_getaffinity(0)) // args.jobs))
    environment = {**os.environ, **({"TF_NUM_INTRAOP_THREADS": threads} if args.jobs > 1 else {})}
    with open(os.path.join(folder, "log.txt"), "a", encoding="utf-8") as log:
        for command in commands(study, each, args.data_dir, folder):
            done = subprocess.run([sys.executable, *command], stdout=log, stderr=subprocess.STDOUT, env=environment)
            if done.returncode:
                with open(log.name, encoding="utf-8") as file:
                    last_line = file.read().strip().rpartition("\n")[2]
                write_file(failure, f"exit code {done.returncode}: {last_line}\n")
                return
    if os.path.exists(failure):
        os.remove(failure)


def commands(study, each, data_dir, folder):
    """Returns the command lines of a run: train.py, evaluate.py."""
    names = [source.name for source in sources_of(each)]
    labels = [f":{','.join(source.labels)}" if source.labels else "" for source in sources_of(each)]
    crops = [f"{data_dir}/{name}/crop" for name in names]
    train, val = ([f"{data_dir}/{name}/{split}.csv{ending}" for name, ending in zip(names, labels)]
                  for split in ("train", "val"))
    model_dir = os.path.join(folder, "model")
    yield [f"{BIN}/train.py", "--train-csv", *train, "--val-csv", *val, "--img-dir", *crops, "--model-dir", model_dir,
           *flags(study.hparams(each))]
    yield [f"{BIN}/evaluate.py", "--model-dir", model_dir, "--csv", *(f"{data_dir}/{name}/test.csv" for name in study.test),
           "--img-dir", *(f"{data_dir}/{name}/crop" for name in study.test),
           "--output-dir", os.path.join(folder, "evaluation")]


def flags(hparams):
    """Returns hyper-parameters as command line arguments, as far as they are not the defaults."""
    arguments = []
    for field in dataclasses.fields(hparams):
        value, dashed = getattr(hparams, field.name), field.name.replace("_", "-")
        if value == field.default:
            continue
        if isinstance(value, bool):
            arguments.append(f"--{dashed}" if value else f"--no-{dashed}")
        else:
            arguments += [f"--{dashed}", ",".join(map(str, value)) if isinstance(value, tuple) else str(value)]
    return arguments


if __name__ == "__main__":
    run(main)
