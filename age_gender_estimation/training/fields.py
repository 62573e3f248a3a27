"""Settings as dataclass fields: metadata in, checked values and command line arguments out."""

import dataclasses
import math
import typing
from collections.abc import Collection, Mapping
from typing import Any

from age_gender_estimation.errors import SettingError

TYPE_NAMES = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


def setting(
    group: str,
    default: Any,
    help_text: str,
    *,
    is_fixed: bool = False,
    choices: Collection[str] = (),
    minimum: float = 0,
    above: float | None = None,
    maximum: float | None = None,
    below: float | None = None,
    old_name: str = "",
) -> Any:
    """Returns the dataclass field of a setting.

    Args:
      group: title of its group of flags in --help.
      default: of type bool, int, float, str or tuple.
      help_text: what it does, for --help.
      is_fixed: whether it fixes the network and cannot change when a training is resumed.
      choices: the values, or items of a tuple, that are possible; all if empty.
      minimum: smallest number; `above` excludes its value instead.
      maximum: largest number; `below` excludes its value instead.
      old_name: an earlier name, which flags and JSON files may still use.
    """
    metadata = {
        "group": group,
        "help": help_text,
        "is_fixed": is_fixed,
        "choices": tuple(choices),
        "minimum": minimum,
        "above": above,
        "maximum": maximum,
        "below": below,
        "old_name": old_name,
    }
    return dataclasses.field(default=default, metadata=metadata)


def item_type(field: dataclasses.Field) -> type:
    """Returns the type of a field's value, or of its items where it is a tuple."""
    return (typing.get_args(field.type) or (field.type,))[0]


def is_tuple(field: dataclasses.Field) -> bool:
    """Returns whether a field holds a tuple."""
    return typing.get_origin(field.type) is tuple


def flag_of(name: str) -> str:
    """Returns the flag of a field's name: `img_size` -> `--img-size`."""
    return f"--{name.replace('_', '-')}"


def check_field(field: dataclasses.Field, value: Any) -> None:
    """Raises SettingError where a value has another type than its field, or is out of its range."""
    expected, flag = item_type(field), flag_of(field.name)
    items = value if isinstance(value, tuple) and is_tuple(field) else (value,)
    is_right = is_tuple(field) == isinstance(value, tuple) and all(
        type(item) is expected or expected is float and type(item) is int for item in items
    )
    if not is_right:
        names = f"{TYPE_NAMES[expected]}{', or several' if is_tuple(field) else ''}"
        raise SettingError(f"{flag}: expected {names}, got {value!r:.80}")
    rules = field.metadata
    for item in items:
        if rules["choices"] and item not in rules["choices"]:
            raise SettingError(
                f"{flag}: unknown {item!r}; choose from: {', '.join(rules['choices'])}"
            )
        if expected in (int, float) and not _is_in_range(item, rules):
            raise SettingError(f"{flag}: expected {_range_text(rules)}, got {item}")


def _is_in_range(number: float, rules: Mapping[str, Any]) -> bool:
    lower, upper = rules["above"], rules["below"]
    return (
        math.isfinite(number)
        and (number >= rules["minimum"] if lower is None else number > lower)
        and (rules["maximum"] is None or number <= rules["maximum"])
        and (upper is None or number < upper)
    )


def _range_text(rules: Mapping[str, Any]) -> str:
    lower, upper = rules["above"], rules["below"]
    text = f"{rules['minimum']} or more" if lower is None else f"more than {lower}"
    if upper is not None:
        return f"{text} and less than {upper}"
    return text if rules["maximum"] is None else f"{text} and at most {rules['maximum']}"


def parse_value(field: dataclasses.Field, value: Any) -> Any:
    """Returns a field's value from text or YAML: `512,256` and [512, 256] -> (512, 256).

    What cannot be converted is returned as it is, for `check_field` to refuse.
    """
    kind = item_type(field)
    try:
        if is_tuple(field):
            items = value if isinstance(value, (list, tuple)) else str(value).split(",")
            return tuple(kind(item) for item in items if item != "")
        # YAML reads 1e-3 as text.
        return float(value) if kind is float and not isinstance(value, bool) else value
    except (TypeError, ValueError):
        return value


def to_args(config: Any) -> list[str]:
    """Returns the command line arguments that give a config's fields; defaults are left out."""
    arguments = []
    for field in dataclasses.fields(config):
        value, flag = getattr(config, field.name), flag_of(field.name)
        if value == field.default:
            continue
        if isinstance(value, bool):
            arguments.append(flag if value else f"--no-{flag.removeprefix('--')}")
        else:
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            arguments += [flag, text]
    return arguments
