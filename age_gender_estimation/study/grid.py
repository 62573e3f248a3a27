"""A study: a YAML file with a grid of settings -> the list of its runs, checked before anything trains.

title: Single task against multi-task
question: Does learning gender and race beside age lower the age error?
settings: {backbone: mobilenet_v3_small, img_size: 48, num_steps: 1000}    # of every run, see train.py --help
grid:                                                                      # every combination is a run
  tasks: [age, "age,gender,race"]
  sources: [utkface, "imdb+utkface:race"]   # folders under --data-dir; + joins them, :race uses only those labels
  seed: [0, 1, 2]
test: [utkface]                             # whose test.csv is measured; all sources of the grid if not given
"""

import dataclasses
import itertools
from dataclasses import dataclass

import yaml

from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.storage.error_text import short_message
from age_gender_estimation.tasks.labels import LABELS
from age_gender_estimation.training.hparams import HParams

KEYS = ("title", "question", "settings", "grid", "test")
# A warm start takes over what is not given, and a setting at its default is not given: runs would not be what they say.
FIELDS = {field.name: field for field in dataclasses.fields(HParams) if field.name != "warm_start"}
AGE_FIELDS = ("age_encoding", "age_sigma", "age_loss", "age_balance", "max_age")


@dataclass(frozen=True)
class Source:
    """A folder with train.csv, val.csv, test.csv and crop/, and which of its labels to use (all if empty)."""

    name: str
    labels: tuple[str, ...] = ()

    def csv(self, data_dir, split):
        """Returns the manifest of a split as train.py's arguments name it: `DATA_DIR/utkface/train.csv:race`."""
        return f"{data_dir}/{self.name}/{split}.csv" + (
            f":{','.join(self.labels)}" if self.labels else ""
        )

    def crops(self, data_dir):
        """Returns the folder of its crops."""
        return f"{data_dir}/{self.name}/crop"


@dataclass(frozen=True)
class Study:
    """A checked study file.

    Attributes:
      title, question: what it asks.
      axes: names of the grid's settings, in order.
      runs: a dict per run with the value of every axis, None for an axis that means nothing to the run.
      settings: hyper-parameters of every run.
      test: names of the sources that are measured.
    """

    title: str
    question: str
    axes: tuple[str, ...]
    runs: tuple[dict, ...]
    settings: dict
    test: tuple[str, ...]

    def hparams(self, run):
        """Returns the HParams of a run."""
        values = {
            name: value
            for name, value in {**self.settings, **run}.items()
            if name in FIELDS and value is not None
        }
        return HParams(**{name: _as_field(name, value) for name, value in values.items()})


def load_study(path):
    """Returns the Study in a YAML file.

    Raises:
      InputError: the file cannot be read, or is no YAML mapping.
      SettingError: unknown keys or values that are not to be had, add_filename the choices.
    """
    try:
        with open(path, encoding="utf-8") as file:
            content = yaml.safe_load(file)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(
            f"{path}: expected a study as a YAML file ({short_message(error)})"
        ) from None
    try:
        return _study_of(content)
    except SettingError as error:
        raise SettingError(f"{path}: {error}") from None


def sources_of(run):
    """Returns the Sources of a run, in order."""
    return [_parse_source(text) for text in run["sources"].split("+")]


def run_name(run):
    """Returns the name of a run's folder: its settings, as `tasks=age sources=utkface seed=0`."""
    return " ".join(f"{name}={value}" for name, value in run.items() if value is not None).replace(
        "/", "_"
    )


def _study_of(content):
    if (
        not isinstance(content, dict)
        or not isinstance(content.get("grid"), dict)
        or not content["grid"]
    ):
        raise SettingError(
            f"expected the keys {', '.join(KEYS)}, with a grid that maps settings to lists of values"
        )
    _check_names(content, KEYS, "key")
    settings, grid = content.get("settings") or {}, content["grid"]
    if not isinstance(settings, dict):
        raise SettingError(f"settings: expected setting: value, got {settings!r}")
    _check_names(settings, FIELDS, "setting")
    _check_names(grid, ("sources", *FIELDS), "setting of the grid")
    twice = [name for name in grid if name in settings]
    if twice or "sources" not in grid:
        raise SettingError(
            f"grid: {twice[0]} stands in settings too"
            if twice
            else "grid: expected sources, found none"
        )
    for name, values in grid.items():
        if not isinstance(values, list) or not values:
            raise SettingError(f"grid, {name}: expected a list of values, got {values!r}")
    settings = {name: _as_text(name, value) for name, value in settings.items()}
    runs = _runs_of(
        {name: [_as_text(name, value) for value in values] for name, values in grid.items()},
        settings,
    )
    sources = list(dict.fromkeys(source.name for run in runs for source in sources_of(run)))
    test = content.get("test") or sources
    if (
        not isinstance(test, list)
        or len(set(map(str, test))) < len(test)
        or any(":" in str(name) for name in test)
    ):
        raise SettingError(
            f"test: expected a list of sources, each once and without labels, got {test!r}"
        )
    study = Study(
        str(content.get("title", "Study")),
        str(content.get("question", "")).strip(),
        tuple(grid),
        runs,
        settings,
        tuple(map(str, test)),
    )
    for run in runs:
        study.hparams(run)  # raises for values that are not to be had
    return study


def _as_text(name, value):
    """Returns lists as people write them on a command line, `age,gender`: equal runs then have equal names."""
    if name == "sources" and not isinstance(value, str):
        raise SettingError(f"grid, sources: expected a name or names joined by +, got {value!r}")
    is_list = isinstance(value, list) and FIELDS[name].type is tuple
    return ",".join(map(str, value)) if is_list else value


def _runs_of(grid, settings):
    """Returns every combination once; a setting of age is None, and so the same, for runs that do not learn age."""
    runs = {}
    for values in itertools.product(*grid.values()):
        run = dict(zip(grid, values))
        tasks = str(run.get("tasks", settings.get("tasks", "")))
        if tasks and "age" not in tasks.split(","):
            run.update({name: None for name in AGE_FIELDS if name in run})
        runs.setdefault(run_name(run), run)
    return tuple(runs.values())


def _parse_source(text):
    name, _, labels = str(text).partition(":")
    source = Source(name, tuple(label for label in labels.split(",") if label))
    _check_names(source.labels, LABELS, f"label of {name}")
    return source


def _check_names(names, known, what):
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SettingError(f"unknown {what} {unknown[0]!r}; choose from: {', '.join(known)}")


def _as_field(name, value):
    field = FIELDS[name]
    item_type, choices = field.metadata["item_type"], field.metadata["choices"]
    is_known = isinstance(value, bool) == (field.type is bool)
    try:
        if field.type is tuple:
            value = tuple(item_type(item) for item in str(value).split(",") if item)
        elif field.type is float:
            value = float(value)  # YAML reads 1e-3 as text
    except (TypeError, ValueError):
        is_known = False
    if not (is_known and isinstance(value, field.type)):
        expected = f"{item_type.__name__}s" if field.type is tuple else field.type.__name__
        raise SettingError(f"{name}: expected {expected}, got {value!r}")
    if choices and value not in choices:
        raise SettingError(f"{name}: unknown {value!r}; choose from: {', '.join(choices)}")
    return value
