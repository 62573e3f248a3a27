"""Kills preprocess, train and predict at random moments, restarts them, and compares the results.

    python -m tools.soak.campaign --kills 20          (make soak KILLS=20)

Each command runs once undisturbed. Then it is started, killed with SIGKILL at a random moment of
that duration, restarted with the same arguments, killed again, and so on. When a start ends before
its moment, its folder is compared with the undisturbed one and a new folder begins, until there
were enough kills. Every second kill takes all processes; the others take the command alone, whose
workers must end by themselves. The last output is a table. The exit code is 1 on any difference.
"""

import argparse
import math
import pathlib
import random
import shutil
import sys
import tempfile
import time

from tools.soak.processes import kill, left_behind, start

PATIENCE = 1800  # seconds for one start to end, on a busy machine


class Campaign:
    """The kills of one job. Attributes: counts, and `differences` as lines of text."""

    def __init__(self, job, folder):
        self.job, self.folder = job, folder
        self.kills = self.starts = self.rounds = 0
        self.differences: list[str] = []
        self.sigterm = "-"
        self.undisturbed = folder / "undisturbed"
        folder.mkdir(parents=True)
        started = time.monotonic()
        self._ended(self.undisturbed)
        self.seconds = time.monotonic() - started
        if self.differences:
            raise SystemExit(
                f"{job.name}: the undisturbed run failed: {'; '.join(self.differences)}"
            )

    def kill_at_random(self, kills, generator):
        # One moment in each of `kills` equal parts of the run, so that no part is missed.
        moments = [(number + generator.random()) / kills for number in range(kills)]
        generator.shuffle(moments)
        while self.kills < kills:
            self.rounds += 1
            folder, started, kills_before = (
                self.folder / f"{self.rounds}",
                time.monotonic(),
                self.kills,
            )
            while not self._ended(
                folder, moments[self.kills] * self.seconds if self.kills < kills else math.inf
            ):
                pass
            if self.kills == kills_before:  # quicker than before: the machine is less busy now
                self.seconds = time.monotonic() - started
            shutil.rmtree(folder)

    def check_sigterm(self):
        folder = self.folder / "sigterm"
        process, log = self._start(folder)
        while process.poll() is None and not self.job.is_at_work(folder, log):
            time.sleep(0.02)
        process.terminate()
        code = process.wait(PATIENCE)
        self.sigterm = str(code)
        self._note(folder, [] if code == 143 else [f"SIGTERM gave {code}"])
        self._note(folder, ["a traceback after SIGTERM"] if "Traceback" in log.read_text() else [])
        self._note(folder, self.job.after_sigterm(folder, log, self.undisturbed))
        self._ended(folder)

    def _start(self, folder):
        folder.mkdir(exist_ok=True)
        self.starts += 1
        self._note(folder, self.job.before_start(folder))
        log = self.folder / f"{folder.name}-{self.starts}.log"
        return start(self.job.arguments(folder), log), log

    def _ended(self, folder, moment=math.inf):
        """Starts the job and kills it after `moment` seconds; returns whether it ended before."""
        process, log = self._start(folder)
        deadline = time.monotonic() + min(moment, PATIENCE)
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        if process.poll() is None:
            self._kill(folder, process, log, moment)
            return False
        if process.returncode:
            last = (log.read_text().strip().splitlines() or ["no output"])[-1]
            self._note(folder, [f"exit code {process.returncode}: {last}"])
        else:
            self._note(folder, self.job.at_end(folder, log, self.undisturbed))
        return True

    def _kill(self, folder, process, log, moment):
        self.kills += 1
        with_workers = self.kills % 2 == 0
        kill(process, with_workers)
        left = left_behind(process.pid)
        self._note(folder, [f"{len(left)} workers outlive their parent"] if left else [])
        self._note(folder, self.job.after_kill(folder, log, self.undisturbed))
        what = "all processes" if with_workers else "alone"
        print(
            f"{self.job.name}: kill {self.kills} after {moment:.1f} s, {what}: "
            f"{len(self.differences)} differences",
            flush=True,
        )

    def _note(self, folder, differences):
        for difference in differences:
            print(
                f"{self.job.name}, folder {folder.name}, start {self.starts}: {difference}",
                flush=True,
            )
        self.differences += differences


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--kills", type=int, default=20, help="number of kills of each command (default: 20)")
    add("--seed", type=int, help="seed of the moments; if not given, it is drawn and printed")
    names = ["preprocess", "train", "predict"]
    add("--jobs", nargs="+", default=names, help="commands to kill (default: all three)")
    add("--work-dir", help="new folder for all files, which is kept; temporary if not given")
    args = parser.parse_args()
    seed = random.randrange(1 << 16) if args.seed is None else args.seed
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(args.work_dir or temporary).resolve()
        campaigns = [campaign for campaign in prepare(work) if campaign.job.name in args.jobs]
        for campaign in campaigns:
            campaign.kill_at_random(args.kills, random.Random(f"{seed} {campaign.job.name}"))
            campaign.check_sigterm()
    print_table(campaigns)
    return any(campaign.differences for campaign in campaigns)


def prepare(work):
    """Yields a Campaign for each command; the later ones use the results of the earlier ones."""
    from tools.soak.jobs import Predict, Preprocess, Train  # TensorFlow needs seconds to load

    work.mkdir(parents=True, exist_ok=True)
    arguments = ["sample", "--output-dir", work / "sample", "--records", 1000]
    process = start(arguments, work / "sample.log")
    if process.wait(PATIENCE):
        raise SystemExit((work / "sample.log").read_text())
    preprocess = Campaign(Preprocess(work / "sample"), work / "preprocess")
    yield preprocess
    train = Campaign(Train(preprocess.undisturbed), work / "train")
    yield train
    yield Campaign(Predict(preprocess.undisturbed, train.undisturbed), work / "predict")


def print_table(campaigns):
    print(
        "\n| command | undisturbed | kills | starts | compared to the end | SIGTERM | result "
        "| compared |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for run in campaigns:
        result = f"{len(run.differences)} differences" if run.differences else "no difference"
        cells = (
            run.job.name,
            f"{run.seconds:.0f} s",
            run.kills,
            run.starts,
            run.rounds,
            run.sigterm,
            result,
        )
        print(f"| {' | '.join(map(str, cells))} | {run.job.compared} |")


if __name__ == "__main__":
    sys.exit(main())
