"""The rooms of the package import each other one way only, as the table says."""

import ast
import os
import pathlib

PACKAGE = pathlib.Path(__file__).resolve().parent.parent / "age_gender_estimation"
# What a room may import beside itself and errors; "data.manifest" is that module alone.
MAY_IMPORT = {
    "storage": set(),
    "tasks": set(),
    "markup": set(),
    "faces": {"storage"},
    "workers": {"storage"},
    "datasets": {"faces", "tasks", "storage"},
    "data": {"datasets", "faces", "workers", "tasks", "storage"},
    "networks": {"data.images", "tasks", "storage"},
    "training": {"networks", "data", "faces", "tasks", "storage"},
    "predict": {"faces", "datasets", "data.manifest", "workers", "tasks", "storage"},
    "export": {"training", "networks", "predict", "data", "faces", "tasks", "storage"},
    "data_report": {"data", "faces", "markup", "tasks", "storage"},
    "evaluation": {"predict", "data", "faces", "markup", "tasks", "storage"},
    "study": {"training", "evaluation", "data", "markup", "tasks", "storage"},
    "service": {"predict", "faces", "tasks", "storage"},
}


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        names = [node.module] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        yield from (name for name in names if name and name.startswith("age_gender_estimation."))


def room_of(path):
    return path.relative_to(PACKAGE).parts[0]


def test_rooms_import_only_what_the_table_allows():
    wrong = []
    for path in PACKAGE.glob("*/**/*.py"):
        room = room_of(path)
        if room == "cli":
            continue
        for name in imports_of(path):
            target = name.removeprefix("age_gender_estimation.")
            allowed = {room, "errors", *MAY_IMPORT[room]}
            if not any(
                f"{target}.".startswith(f"{e}.") or f"{e}.".startswith(f"{target}.")
                for e in allowed
            ):
                wrong.append(f"{path.relative_to(PACKAGE)} imports {target}")
    assert wrong == []


def test_nothing_imports_the_command_line():
    for path in PACKAGE.glob("**/*.py"):
        if path != PACKAGE / "__main__.py" and room_of(path) != "cli":
            assert not any(
                name.startswith("age_gender_estimation.cli") for name in imports_of(path)
            ), path


def test_every_room_is_in_the_table():
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == {*MAY_IMPORT, "cli"}


def test_what_names_an_interpreter_can_be_run():
    files = [path for path in (PACKAGE.parent / "bin").iterdir() if path.is_file()]
    scripts = [path for path in files if path.read_bytes()[:2] == b"#!"]
    assert len(scripts) > 10
    assert [path.name for path in scripts if not os.access(path, os.X_OK)] == []
