"""Arguments of commands: a parser, a flag per field of a dataclass, types that check a number."""

import argparse
import dataclasses
from typing import Any

from age_gender_estimation.storage.model_folder import shipped_model
from age_gender_estimation.training.fields import flag_of, is_tuple, item_type

PRETRAINED = shipped_model()


class HelpFormatter(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """Prints the description as it is written, and every default."""


def make_parser(command: str, docstring: str | None) -> argparse.ArgumentParser:
    """Returns the parser of a command, whose description is the docstring of its module."""
    return argparse.ArgumentParser(command, description=docstring, formatter_class=HelpFormatter)


def add_geometry_flag(parser: argparse._ActionsContainer) -> None:
    """Adds --allow-other-geometry, see data.crop_geometry."""
    parser.add_argument(
        "--allow-other-geometry",
        action="store_true",
        help="take face crops of different geometry, for which a model answers wrongly",
    )


def add_fields(parser: argparse.ArgumentParser, config_class: type) -> None:
    """Adds a flag per field of a dataclass of settings (training.fields), in their groups.

    The flags have no defaults for argparse: `given_fields` tells what the user gave.
    """
    groups: dict[str, argparse._ArgumentGroup] = {}
    for field in dataclasses.fields(config_class):
        title = field.metadata["group"]
        if title not in groups:
            groups[title] = parser.add_argument_group(title)
        names = [name for name in (field.name, field.metadata["old_name"]) if name]
        groups[title].add_argument(*map(flag_of, names), **_options(field))


def _options(field):
    shown = field.default
    if is_tuple(field):
        shown = ",".join(map(str, field.default))
    elif field.type is bool:
        shown = "on" if field.default else "off"
    choices = field.metadata["choices"]
    text = field.metadata["help"] + (f"; choices: {', '.join(choices)}" if choices else "")
    options = {
        "help": f"{text} (default: {shown})" if shown != "" else text,
        "default": argparse.SUPPRESS,
    }
    if field.type is bool:
        return {**options, "action": argparse.BooleanOptionalAction}
    return {**options, "type": _tuple_of(item_type(field)) if is_tuple(field) else field.type}


def _tuple_of(kind):
    def parse(text):
        return tuple(kind(part) for part in text.split(",") if part)

    parse.__name__ = f"comma-separated {kind.__name__}"  # argparse names it when a value is wrong
    return parse


def given_fields(args: argparse.Namespace, config_class: type) -> dict[str, Any]:
    """Returns {field: value} of the fields of `config_class` that the command line gives."""
    names = (field.name for field in dataclasses.fields(config_class))
    return {name: getattr(args, name) for name in names if hasattr(args, name)}


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
