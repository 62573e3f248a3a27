"""The command `age-gender COMMAND ...`, which imports only the module of that COMMAND."""

import importlib
import importlib.util
import sys
from collections.abc import Sequence

from age_gender_estimation import __version__
from age_gender_estimation.cli.run import run

# A command is a module of this room with a function main(argv). The texts are for --help.
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
# Which extra of the package installs a library that the base install lacks.
EXTRAS = {
    **dict.fromkeys(("tensorflow", "tensorflow_serving", "h5py", "keras"), "train"),
    **dict.fromkeys(("onnx", "tf2onnx", "scipy", "matplotlib", "yaml"), "train"),
    **dict.fromkeys(("gradio", "gradio_client", "fastapi", "uvicorn"), "web"),
    "tensorflow_io": "s3",
    "distributed": "dask",
}
# Commands that need TensorFlow whatever their arguments are. They say so before they check these.
NEED_TENSORFLOW = ("train", "export", "study")


def main(argv: Sequence[str] | None = None) -> None:
    """Runs a command and exits with its code.

    Args:
      argv: the command and its arguments; those of the process if None.
    """
    arguments = sys.argv[1:] if argv is None else argv
    run(lambda: execute(arguments))


def execute(argv: Sequence[str]) -> int:
    """Runs a command in this process.

    Args:
      argv: the command and its arguments.

    Returns:
      The exit code.

    Raises:
      Exception: whatever the command raises; cli.run.exit_code_of turns it into an exit code.
    """
    name, *rest = argv or [""]
    if name in ("-h", "--help"):
        print(_usage())
        return 0
    if name == "--version":
        print(f"age-gender {__version__}")
        return 0
    if name not in COMMANDS:
        problem = f"unknown command {name!r}" if name else "expected a command"
        names = ", ".join(COMMANDS)
        print(f"error: {problem}; choose from: {names}; see age-gender --help", file=sys.stderr)
        return 2
    is_help = "-h" in rest or "--help" in rest
    try:
        if name in NEED_TENSORFLOW and not is_help and not importlib.util.find_spec("tensorflow"):
            raise ModuleNotFoundError(name="tensorflow")
        return importlib.import_module(f"age_gender_estimation.cli.{name}").main(rest) or 0
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library not in EXTRAS:
            raise
        print(f"error: {_how_to_install(name, library)}", file=sys.stderr)
        return 1


def _how_to_install(name: str, library: str) -> str:
    extra = EXTRAS[library]
    version = " with Python 3.11" if extra in ("train", "s3") else ""
    return (
        f"age-gender {name} needs {library}, which is not installed; "
        f"type: pip install 'age-gender-estimation[{extra}]'{version} (in a checkout: make setup)"
    )


def _usage() -> str:
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name.ljust(width)}  {text}" for name, text in COMMANDS.items())
    return f"""usage: age-gender COMMAND ...

Age, gender and race from face images.

{commands}

age-gender COMMAND --help shows the arguments of a command."""
