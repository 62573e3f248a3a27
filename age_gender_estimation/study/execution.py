"""Executing runs: command lines in a folder each, some at a time, stopped together and never twice at once."""

import os
import re
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor, as_completed

from tqdm import tqdm

from age_gender_estimation.storage.files import locked, write_file

STOPPED = (
    128 + signal.SIGTERM,
    128 + signal.SIGINT,
    -signal.SIGTERM,
    -signal.SIGINT,
)  # exit codes of no failure


def lock_folder(output_dir):
    """Holds a lock on a folder, giving its file; runs inherit it, so that it is held until the last of them ended.

    Raises:
      InputError: somebody else holds it.
    """
    return locked(
        os.path.join(output_dir, "study.lock"),
        f"{output_dir}: another study, or a run that it left, is still at work in it",
    )


def execute_all(commands, jobs, lock):
    """Executes runs; told to stop, it stops those that are at work, which save a checkpoint.

    Args:
      commands: {folder of a run: list of command lines}; output goes to log.txt, why it failed to failed.txt.
      jobs: how many runs work at a time; they share the cores.
      lock: of `lock_folder`.
    """
    # A run that nobody waits for ends too: the same command may start another one in its folder.
    environment = {**os.environ, "AGE_GENDER_END_WITH_PARENT": "1"}
    if jobs > 1:
        environment["TF_NUM_INTRAOP_THREADS"] = str(max(1, len(os.sched_getaffinity(0)) // jobs))
    processes = set()

    def start(command, log):
        return subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=environment, pass_fds=[lock.fileno()]
        )

    with (
        ThreadPoolExecutor(jobs) as pool,
        tqdm(total=len(commands), unit="runs", mininterval=0) as bar,
    ):
        futures = [
            pool.submit(_execute, folder, lines, start, processes)
            for folder, lines in commands.items()
        ]
        try:
            for future in as_completed(futures):
                future.result()
                bar.update()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(processes):
                process.terminate()
            raise


def _execute(folder, lines, start, processes):
    os.makedirs(folder, exist_ok=True)
    failure = os.path.join(folder, "failed.txt")
    with open(os.path.join(folder, "log.txt"), "a", encoding="utf-8") as log:
        for line in lines:
            process = start(line, log)
            processes.add(process)
            code = process.wait()
            processes.discard(process)
            if code in STOPPED:
                return
            if code:
                write_file(failure, f"exit code {code}: {reason_in(log.name)}\n")
                return
    if os.path.exists(failure):
        os.remove(failure)


def reason_in(log_path):
    """Returns the line of a log that says why its script failed: its error message, or the end of a traceback."""
    with open(log_path, encoding="utf-8", errors="replace") as file:
        lines = file.read().strip().splitlines()
    reasons = [line for line in lines if re.match(r"error: |\w+(\.\w+)*(Error|Exception)\b", line)]
    return (reasons or lines or ["no output"])[-1]
