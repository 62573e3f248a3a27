"""A study: a YAML file with a grid of settings -> the list of its runs, checked.

title: Single task against multi-task
question: Does learning gender and race beside age lower the age error?
settings: {backbone: mobilenet_v3_small, img_size: 48}   # of every run, see age-gender train --help
grid:                                                    # every combination is a run
  tasks: [age, "age,gender,race"]
  sources: [utkface, "imdb+utkface:race"]   # folders under --data-dir; + joins them, and :race uses
  seed: [0, 1, 2]                           # only the labels of race
test: [utkface]   # the sources whose test.csv is measured; all of the grid if not given

Cross-validation: a run per fold, on a source of its own. Results are means over folds and seeds.

grid:
  fold: [0, 1, 2, 3, 4]
  sources: ["adience-{fold}"]
"""

import dataclasses
import itertools
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import yaml

from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.storage.error_text import short_message
from age_gender_estimation.tasks.labels import LABELS
from age_gender_estimation.training.fields import is_tuple, parse_value
from age_gender_estimation.training.hparams import HParams

KEYS = ("title", "question", "settings", "grid", "test")
# A warm start inherits what is not given, and a run does not give its defaults: it would lie.
FIELDS = {field.name: field for field in dataclasses.fields(HParams) if field.name != "warm_start"}
AGE_FIELDS = ("age_encoding", "age_sigma", "age_loss", "age_balance", "max_age")
REPEATS = ("seed", "fold")  # the axes over which results are averaged
FOLD = "{fold}"  # in the name of a source
Run = dict[str, Any]  # the value of every axis of the grid; None where it means nothing to the run


@dataclass(frozen=True)
class Source:
    """A folder with train.csv, val.csv, test.csv and crop/; its labels to use, all if empty."""

    name: str
    labels: tuple[str, ...] = ()

    def csv(self, data_dir: str, split: str) -> str:
        """Returns the path of the manifest of a split: train, val or test."""
        return f"{data_dir}/{self.name}/{split}.csv"

    def argument(self, data_dir: str, split: str) -> str:
        """Returns the manifest as an argument: `DATA_DIR/utkface/train.csv:race`."""
        labels = f":{','.join(self.labels)}" if self.labels else ""
        return self.csv(data_dir, split) + labels

    def crops(self, data_dir: str) -> str:
        """Returns the folder of its crops."""
        return f"{data_dir}/{self.name}/crop"


@dataclass(frozen=True)
class Study:
    """A checked study file.

    Attributes:
      title, question: what it asks.
      axes: names of the grid's settings, in order.
      runs: its runs.
      settings: hyper-parameters of every run.
      test: names of the sources that are measured; {fold} in them is the fold of the run.
    """

    title: str
    question: str
    axes: tuple[str, ...]
    runs: tuple[Run, ...]
    settings: dict[str, Any]
    test: tuple[str, ...]

    @property
    def repeats(self) -> str:
        """What the runs are averaged over, in words: `seeds` or `seeds and folds`."""
        return " and ".join(f"{name}s" for name in REPEATS if name in self.axes) or "seeds"

    def tests_of(self, run: Run) -> list[Source]:
        """Returns the sources on whose test.csv a run is measured, in order."""
        return [Source(_of_fold(name, run)) for name in self.test]

    def hparams(self, run: Run) -> HParams:
        """Returns the HParams of a run."""
        values = {**self.settings, **run}
        given = {n: v for n, v in values.items() if n in FIELDS and v is not None}
        return HParams(**{name: parse_value(FIELDS[name], value) for name, value in given.items()})


def load_study(path: str | os.PathLike[str]) -> Study:
    """Returns the Study in a YAML file.

    Raises:
      InputError: the file cannot be read, or is not YAML.
      SettingError: unknown keys, or values that no setting takes.
    """
    try:
        with open(path, encoding="utf-8") as file:
            content = yaml.safe_load(file)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = short_message(error)
        raise InputError(f"{path}: expected a study as a YAML file ({reason})") from None
    try:
        study = _parse_study(content)
        for run in study.runs:
            study.hparams(run)
        return study
    except SettingError as error:
        raise SettingError(f"{path}: {error}") from None


def sources_of(run: Run) -> list[Source]:
    """Returns the sources of a run, in order."""
    return [_parse_source(text) for text in _of_fold(run["sources"], run).split("+")]


def _of_fold(name: str, run: Run) -> str:
    return name.replace(FOLD, str(run.get("fold")))


def run_name(run: Run) -> str:
    """Returns the name of a run's folder: its settings, as `tasks=age sources=utkface seed=0`."""
    settings = (f"{name}={value}" for name, value in run.items() if value is not None)
    return " ".join(settings).replace("/", "_")


def _parse_study(content: Any) -> Study:
    grid = content.get("grid") if isinstance(content, dict) else None
    if not isinstance(grid, dict) or not grid:
        raise SettingError(
            f"expected the keys {', '.join(KEYS)}, and in grid a list of values for each setting"
        )
    _check_names(content, KEYS, "key")
    settings = content.get("settings") or {}
    if not isinstance(settings, dict):
        raise SettingError(f"settings: expected setting: value, got {settings!r}")
    _check_names(settings, FIELDS, "setting")
    _check_grid(grid, settings)
    settings = {name: _as_text(name, value) for name, value in settings.items()}
    grid = {name: [_as_text(name, value) for value in values] for name, values in grid.items()}
    runs = _combine(grid, settings)
    texts = [text for sources in grid["sources"] for text in sources.split("+")]
    sources = dict.fromkeys(_parse_source(text).name for text in texts)
    return Study(
        str(content.get("title", "Study")),
        str(content.get("question", "")).strip(),
        tuple(grid),
        runs,
        settings,
        _parse_test(content.get("test") or list(sources)),
    )


def _check_grid(grid: dict, settings: dict) -> None:
    _check_names(grid, ("sources", "fold", *FIELDS), "setting of the grid")
    if "sources" not in grid:
        raise SettingError("grid: expected sources, found none")
    for name, values in grid.items():
        if name in settings:
            raise SettingError(f"grid: {name} stands in settings too")
        if not isinstance(values, list) or not values:
            raise SettingError(f"grid, {name}: expected a list of values, got {values!r}")
    for source in grid["sources"]:
        if (FOLD in str(source)) != ("fold" in grid):
            raise SettingError(
                f"grid: expected a list fold and {FOLD} in the names of all sources, or neither; "
                f"got sources {source!r}"
            )


def _parse_test(names: Any) -> tuple[str, ...]:
    is_list = isinstance(names, list)
    if not is_list or len(set(map(str, names))) < len(names) or ":" in "".join(map(str, names)):
        raise SettingError(
            f"test: expected a list of sources, each once and without labels, got {names!r}"
        )
    return tuple(map(str, names))


def _as_text(name: str, value: Any) -> Any:
    """Returns lists as flags have them, `age,gender`, so that equal runs have equal names."""
    if name == "sources" and not isinstance(value, str):
        raise SettingError(f"grid, sources: expected a name or names joined by +, got {value!r}")
    if name == "fold":
        return str(value)
    is_list = isinstance(value, list) and is_tuple(FIELDS[name])
    return ",".join(map(str, value)) if is_list else value


def _combine(grid: dict[str, list], settings: dict) -> tuple[Run, ...]:
    """Returns every combination once; in runs that do not learn age, its settings are None."""
    runs: dict[str, Run] = {}
    for values in itertools.product(*grid.values()):
        run = dict(zip(grid, values))
        tasks = str(run.get("tasks", settings.get("tasks", "")))
        if tasks and "age" not in tasks.split(","):
            run.update({name: None for name in AGE_FIELDS if name in run})
        runs.setdefault(run_name(run), run)
    return tuple(runs.values())


def _parse_source(text: str) -> Source:
    name, _, labels = str(text).partition(":")
    source = Source(name, tuple(label for label in labels.split(",") if label))
    _check_names(source.labels, LABELS, f"label of {name}")
    return source


def _check_names(names: Iterable[str], known: Iterable[str], what: str) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SettingError(f"unknown {what} {unknown[0]!r}; choose from: {', '.join(known)}")
