"""The header of a list as people have it: which separator, and which column means what."""

import re
from collections.abc import Mapping, Sequence

from age_gender_estimation.errors import SettingError
from age_gender_estimation.tasks.labels import LABELS

DELIMITERS = ",;\t"
# Other names of a column, without regard to case, spaces, "_" and "-".
ALIASES = {
    "filename": (
        *("file", "filepath", "path", "image", "imagename", "imagepath", "imagefile", "img"),
        *("imgpath", "photo", "picture", "datei", "dateiname", "bild"),
    ),
    "age": ("ages", "years", "agegroup", "agerange", "alter"),
    "gender": ("sex", "geschlecht"),
    "race": ("ethnicity",),
    "person": ("personid", "identity", "subject", "subjectid"),
    "split": ("subset",),
    "fold": (),
}
COLUMNS = tuple({**ALIASES, **LABELS})


class AmbiguousColumns(ValueError):
    """Two columns mean the same."""


def find_delimiter(header: str) -> str:
    """Returns the separator that the header line has most often; a comma where it has none."""
    return max(DELIMITERS, key=re.sub('"[^"]*"', "", header).count)


def parse_columns(text: str | None) -> dict[str, str]:
    """Returns {our name: name in the file} of `age=Alter,gender=Geschlecht`.

    Raises:
      SettingError: `text` has another form, or an unknown column.
    """
    names: dict[str, str] = {}
    for part in text.split(",") if text else ():
        ours, sign, theirs = (piece.strip() for piece in part.partition("="))
        if ours not in COLUMNS or not theirs:
            raise SettingError(
                f"--columns: expected OURS=YOURS with ours from {', '.join(COLUMNS)}, got {part!r}"
            )
        if theirs in names.values():
            raise SettingError(f"--columns: expected a column for each name, got {theirs!r} twice")
        names[ours] = theirs
    return names


def name_columns(header: Sequence[str], given: Mapping[str, str]) -> tuple[str, ...]:
    """Returns our name of each column, "" for one that means nothing to us.

    A column that `given` names comes first, then one of our name, then one of ALIASES.

    Args:
      header: the names in the file.
      given: {our name: name in the file}.

    Raises:
      AmbiguousColumns: two columns have the same claim to one name, or a given one is not there.
    """
    names = [""] * len(header)
    stripped, short = [name.strip() for name in header], list(map(_shorten, header))
    for ours in COLUMNS:
        claims = (
            [index for index, name in enumerate(stripped) if name == given.get(ours)],
            [index for index, name in enumerate(short) if name == ours],
            [index for index, name in enumerate(short) if name in ALIASES.get(ours, ())],
        )
        if ours in given and not claims[0]:
            raise AmbiguousColumns(f"no column {given[ours]!r}, which --columns names for {ours}")
        found = next(filter(None, claims), [])
        if len(found) > 1:
            both = " and ".join(repr(stripped[index]) for index in found[:2])
            raise AmbiguousColumns(f"{both} may both be {ours}; say --columns {ours}=NAME")
        if found:
            names[found[0]] = ours
    return tuple(names)


def _shorten(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).casefold()
