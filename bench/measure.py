"""Measuring two sides in turns, each time in a fresh process; medians, ratios and a Markdown table of them."""

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
    """A side ended without a number; the message is the end of what it printed."""


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
      what: the thing measured.
      unit: of ours and of the baseline.
      ours, baseline: medians; the baseline is None where the goal is a limit on ours.
      ratio: how many times better ours is, median of the rounds' ratios; None without a baseline.
      goal: as people read it, or "".
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
    """Measures every side in every round, in turns that are reversed from round to round.

    What changes slowly, a warm processor or another program, so falls on all sides alike.

    Args:
      sides: {name: () -> number or dict}.
      rounds: how often.

    Returns:
      {name: list of what was measured, one per round}.
    """
    results = {name: [] for name in sides}
    for number in range(rounds):
        for name in list(sides)[:: -1 if number % 2 else 1]:
            results[name].append(sides[name]())
    return results


def compare(what, ours, baseline, unit, goal=None, is_time=False):
    """Returns the Row of two sides measured in turns.

    Args:
      what: the thing measured.
      ours, baseline: numbers of the rounds, in the same order.
      unit: of the numbers.
      goal: the least ratio wanted, or None.
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
        lines.append(
            f"| {row.what} | {show(row.ours)} {row.unit} | {baseline} | {ratio} | {row.goal} | {met} |"
        )
    return "\n".join(lines)


def show(number):
    """Returns a number with three digits that count."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def fresh(function, python=None, environment=None, **arguments):
    """Calls `function` ("bench.module:name") with JSON-able arguments in a process of its own.

    Args:
      function: what to call.
      python: the interpreter; this one if None.
      environment: variables on top of this process's.
      **arguments: of the function.

    Returns:
      What it returned, a number or dict.

    Raises:
      BrokenSide: it did not return.
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
