"""Arguments of commands: the parser, a flag per field of a dataclass, and types of numbers."""

import argparse
import dataclasses
import pathlib

PACKAGE = pathlib.Path(__file__).resolve().parent.parent


def _find_pretrained() -> str:
    """Returns the folder of the shipped model: in a wheel's package, or beside it in a checkout."""
    installed, checkout = PACKAGE / "pretrained", PACKAGE.parent / "pretrained"
    return str(checkout if checkout.is_dir() and not installed.is_dir() else installed)


PRETRAINED = _find_pretrained()


class HelpFormatter(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """Prints the description as it is written, and every default."""


def make_parser(command: str, docstring: str | None) -> argparse.ArgumentParser:
    """Returns the parser of a command, whose description is the docstring of its module."""
    return argparse.ArgumentParser(command, description=docstring, formatter_class=HelpFormatter)


def add_fields(parser, config_class):
    """Adds a flag per field of a dataclass: its name, type, default and metadata (help, choices)."""
    for field in dataclasses.fields(config_class):
        options = {"help": field.metadata["help"], "default": field.default}
        if field.type is bool:
            options["action"] = argparse.BooleanOptionalAction
        elif field.type is tuple:
            options.update(type=_tuple_of(field.metadata["item_type"]))
        else:
            options.update(type=field.type, choices=field.metadata.get("choices"))
        parser.add_argument(f"--{field.name.replace('_', '-')}", **options)


def _tuple_of(item_type):
    def parse(text):
        return tuple(item_type(part) for part in text.split(",") if part)

    parse.__name__ = (
        f"comma-separated {item_type.__name__}"  # argparse names it when a value does not fit
    )
    return parse


def from_args(args, config_class):
    """Returns a `config_class` filled from parsed flags."""
    return config_class(
        **{field.name: getattr(args, field.name) for field in dataclasses.fields(config_class)}
    )


def to_args(config):
    """Returns the command line arguments from which `from_args` makes `config`; defaults are left out."""
    arguments = []
    for field in dataclasses.fields(config):
        value, dashed = getattr(config, field.name), field.name.replace("_", "-")
        if value == field.default:
            continue
        if isinstance(value, bool):
            arguments.append(f"--{dashed}" if value else f"--no-{dashed}")
        else:
            arguments += [
                f"--{dashed}",
                ",".join(map(str, value)) if isinstance(value, tuple) else str(value),
            ]
    return arguments


def positive(text: str) -> int:
    """Argument type: a whole number above 0."""
    value = int(text)
    if value <= 0:
        raise ValueError
    return value


def whole(text: str) -> int:
    """Argument type: a whole number, 0 or more."""
    value = int(text)
    if value < 0:
        raise ValueError
    return value


def ratio(text: str) -> float:
    """Argument type: a share from 0 to 1."""
    value = float(text)
    if not 0.0 <= value <= 1.0:
        raise ValueError
    return value
