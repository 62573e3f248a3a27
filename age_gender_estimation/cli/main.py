"""`age-gender COMMAND ...`: finds the command's module and runs it. Loads nothing else, so --help is quick."""

import importlib
import sys

from age_gender_estimation import __version__
from age_gender_estimation.cli.run import run

# A command is a module of this room with a function main(argv); this is what `age-gender --help` says of it.
COMMANDS = {
    "predict": "age, gender and race of the faces in photos and videos",
    "evaluate": "measure a model on labelled faces",
    "preprocess": "turn a dataset into face crops and lists",
    "train": "train a model on face crops",
    "export": "export a trained model for serving or phones",
    "report": "show what lists hold: labels, duplicates, contradictions",
    "study": "train and compare a grid of settings",
    "serve": "serve a page in the browser",
    "sample": "draw a small dataset to try the pipeline with",
}
# The extra of the package that brings a library; the base install has none of them.
EXTRAS = {
    **dict.fromkeys(("tensorflow", "tensorflow_serving", "mtcnn", "scipy", "h5py"), "train"),
    **dict.fromkeys(("matplotlib", "yaml"), "train"),
    **dict.fromkeys(("gradio", "fastapi", "uvicorn"), "web"),
    "tensorflow_io": "s3",
    "distributed": "dask",
}


def main(argv: list[str] | None = None) -> None:
    """Runs a command and exits with its code.

    Args:
      argv: the command and its arguments; those of the process if None.
    """
    argv = sys.argv[1:] if argv is None else argv
    run(lambda: execute(argv))


def execute(argv: list[str]) -> int:
    """Runs a command; returns its exit code, or raises what cli.run.run turns into one."""
    name, *rest = argv or [""]
    if name in ("-h", "--help"):
        print(_usage())
        return 0
    if name == "--version":
        print(f"age-gender {__version__}")
        return 0
    if name not in COMMANDS:
        problem = f"unknown command {name!r}" if name else "expected a command"
        print(
            f"error: {problem}; choose from: {', '.join(COMMANDS)}; see age-gender --help",
            file=sys.stderr,
        )
        return 2
    try:
        return importlib.import_module(f"age_gender_estimation.cli.{name}").main(rest) or 0
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library not in EXTRAS:
            raise
        print(
            f"error: age-gender {name} needs {library}, which is not installed; "
            f"pip install 'age-gender-estimation[{EXTRAS[library]}]', or make setup in a checkout",
            file=sys.stderr,
        )
        return 1


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name.ljust(width)}  {text}" for name, text in COMMANDS.items()]
    return "\n".join(
        [
            "usage: age-gender COMMAND ...",
            "",
            "Age, gender and race from face images.",
            "",
            *lines,
            "",
        ]
        + ["age-gender COMMAND --help shows the arguments of a command."]
    )
