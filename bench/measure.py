"""Measures sides in turns, each in a fresh process; medians, ratios and their Markdown table."""

import json
import os
import pathlib
import statistics
import subprocess
import sys
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parent.parent
TIMEOUT = 1800  # seconds for one side


class BrokenSide(RuntimeError):
    """A side failed; the message is the end of its output."""


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
      what: what was measured.
      unit: unit of ours and of the baseline.
      ours, baseline: medians; the baseline is None if the goal is a limit on ours.
      ratio: how many times better ours is: the median ratio of a round; None without a baseline.
      goal: the goal as text, or "".
      is_met: whether the goal is met; None without a goal.
    """

    what: str
    unit: str
    ours: float
    baseline: float | None = None
    ratio: float | None = None
    goal: str = ""
    is_met: bool | None = None


def alternate(sides, rounds):
    """Measures every side in every round; every second round has the reversed order.

    So slow changes, such as a warm processor or another program, affect all sides alike.

    Args:
      sides: {name: function() -> number or dict}.
      rounds: number of rounds.

    Returns:
      {name: list of the results, one per round}.
    """
    results = {name: [] for name in sides}
    for number in range(rounds):
        for name in list(sides)[:: -1 if number % 2 else 1]:
            results[name].append(sides[name]())
    return results


def compare(what, ours, baseline, unit, goal=None, is_time=False):
    """Returns the Row of two sides measured in turns.

    Args:
      what: what was measured.
      ours, baseline: numbers of the rounds, in the same order.
      unit: unit of the numbers.
      goal: the lowest ratio that is enough, or None.
      is_time: whether less is better.
    """
    ratios = [
        theirs / own if is_time else own / theirs
        for own, theirs in zip(ours, baseline, strict=True)
    ]
    ratio = statistics.median(ratios)
    return Row(
        what,
        unit,
        statistics.median(ours),
        statistics.median(baseline),
        ratio,
        f"at least {goal:g}x" if goal else "",
        ratio >= goal if goal else None,
    )


def limit(what, ours, unit, goal=None):
    """Returns the Row of numbers that should stay below `goal`."""
    value = statistics.median(ours)
    return Row(
        what,
        unit,
        value,
        goal=f"under {goal:g}" if goal else "",
        is_met=value < goal if goal else None,
    )


def table(rows):
    """Returns rows as a Markdown table."""
    lines = ["| what | ours | baseline | ratio | goal | met |", "|---|---|---|---|---|---|"]
    for row in rows:
        baseline = "" if row.baseline is None else f"{show(row.baseline)} {row.unit}"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        met = {None: "", True: "yes", False: "**no**"}[row.is_met]
        ours = f"{show(row.ours)} {row.unit}"
        lines.append(f"| {row.what} | {ours} | {baseline} | {ratio} | {row.goal} | {met} |")
    return "\n".join(lines)


def show(number):
    """Returns a number with three significant digits."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def fresh(function, python=None, environment=None, **arguments):
    """Calls a function in its own process.

    Args:
      function: "bench.module:name".
      python: the interpreter; this one if None.
      environment: additional variables.
      **arguments: arguments of the function that JSON can express.

    Returns:
      What the function returned: a number or dict.

    Raises:
      BrokenSide: the process failed.
    """
    variables = {
        **os.environ,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "1",
        **(environment or {}),
    }
    command = [python or sys.executable, "-m", "bench.side", function, json.dumps(arguments)]
    done = subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=TIMEOUT
    )
    if done.returncode:
        raise BrokenSide(f"{function}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])
