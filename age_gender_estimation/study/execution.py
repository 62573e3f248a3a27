"""Running the command lines of a study: some at a time, stopped together, never twice at once."""

import os
import re
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from typing import IO, Any

from tqdm import tqdm

from age_gender_estimation.storage.files import locked, write_file

# Exit codes of a process that was told to stop: no failure.
STOPPED = (128 + signal.SIGTERM, 128 + signal.SIGINT, -signal.SIGTERM, -signal.SIGINT)


def lock_folder(output_dir: str | os.PathLike[str]) -> AbstractContextManager[Any]:
    """Holds a lock on a folder, and gives its file. Runs inherit it, until the last of them ends.

    Raises:
      InputError: another process holds it.
    """
    return locked(
        os.path.join(output_dir, "study.lock"),
        f"{output_dir}: another study, or a run that it left, is still running in it",
    )


def execute_all(commands: dict[str, list[list[str]]], jobs: int, lock: IO) -> None:
    """Executes runs. Told to stop, it stops the ones that are running; they save checkpoints.

    Args:
      commands: {folder of a run: list of command lines}. Their output goes to log.txt, and the
        reason for a failure to failed.txt.
      jobs: how many runs to execute at a time; they share the cores.
      lock: from `lock_folder`.
    """
    # A run ends with the study's process: the same study may start it again.
    environment = {**os.environ, "AGE_GENDER_END_WITH_PARENT": "1"}
    if jobs > 1:
        environment["TF_NUM_INTRAOP_THREADS"] = str(max(1, len(os.sched_getaffinity(0)) // jobs))
    processes: set[subprocess.Popen] = set()

    def call(command: list[str], log: IO) -> int:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=environment, pass_fds=[lock.fileno()]
        )
        processes.add(process)
        code = process.wait()
        processes.discard(process)
        return code

    with ThreadPoolExecutor(jobs) as pool:
        runs = [pool.submit(_execute, folder, lines, call) for folder, lines in commands.items()]
        try:
            for run in tqdm(as_completed(runs), total=len(runs), unit="runs", mininterval=0):
                run.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(processes):
                process.terminate()
            raise


def _execute(folder: str, lines: list[list[str]], call: Callable[[list[str], IO], int]) -> None:
    os.makedirs(folder, exist_ok=True)
    failure = os.path.join(folder, "failed.txt")
    with open(os.path.join(folder, "log.txt"), "a", encoding="utf-8") as log:
        for line in lines:
            code = call(line, log)
            if code and code not in STOPPED:
                write_file(failure, f"exit code {code}: {find_reason(log.name)}\n")
            if code:
                return
    if os.path.exists(failure):
        os.remove(failure)


def find_reason(log_path: str | os.PathLike[str]) -> str:
    """Returns the line of a log with its command's error, or with the end of a traceback."""
    with open(log_path, encoding="utf-8", errors="replace") as file:
        lines = file.read().strip().splitlines()
    reasons = [line for line in lines if re.match(r"error: |\w+(\.\w+)*(Error|Exception)\b", line)]
    return (reasons or lines or ["no output"])[-1]
