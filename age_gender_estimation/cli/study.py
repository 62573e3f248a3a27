"""Trains and measures every combination of a study's settings, and writes a page about them.

    bin/run_study.py studies/single-or-multi-task.yaml --data-dir var \\
        --output-dir var/studies/single-or-multi-task

See studies/*.yaml. Every run trains and evaluates in a folder of its own. The same command again
skips finished runs, resumes the one that was stopped, and tries failed ones again.
"""

import logging
import sys

from age_gender_estimation.cli.arguments import make_parser, positive
from age_gender_estimation.study.execution import execute_all, lock_folder
from age_gender_estimation.study.grid import load_study, run_name
from age_gender_estimation.study.runs import prepare, unfinished_commands, write_report


def main(argv: list[str] | None = None) -> int:
    parser = make_parser("age-gender study", __doc__)
    parser.add_argument("study", help="the YAML file of the study")
    parser.add_argument(
        "--data-dir",
        required=True,
        help="folder with a folder per source: train.csv, val.csv, test.csv, crop/",
    )
    parser.add_argument(
        "--output-dir",
        required=True,
        help="folder to write: runs/, results.csv, results.md, study.html",
    )
    parser.add_argument(
        "--jobs", type=positive, default=1, help="runs at a time; they share the CPU's cores"
    )
    args = parser.parse_args(argv)
    study = load_study(args.study)
    # Every run says in its own log what it uses.
    logging.getLogger("age_gender_estimation").setLevel(logging.WARNING)
    prepare(study, args.study, args.data_dir, args.output_dir)
    with lock_folder(args.output_dir) as lock:
        todo = unfinished_commands(study, args.data_dir, args.output_dir)
        num_finished = len(study.runs) - len(todo)
        print(f"{len(study.runs)} runs, {num_finished} finished before", file=sys.stderr)
        execute_all(todo, args.jobs, lock)
    results = write_report(study, args.output_dir)
    failed = [result for result in results if result.error]
    for result in failed:
        print(f"failed: {run_name(result.run)}: {result.error}", file=sys.stderr)
    print(
        f"written: {args.output_dir}/study.html, results.csv and results.md; "
        f"{len(results) - len(failed)} of {len(results)} runs finished"
    )
    return 1 if failed else 0
