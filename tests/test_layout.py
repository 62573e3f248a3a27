"""The rooms of the package import each other one way only."""

import ast
import os
import pathlib

PACKAGE = pathlib.Path(__file__).resolve().parent.parent / "age_gender_estimation"
MAY_IMPORT = {
    "tasks": set(),
    "datasets": {"tasks", "faces"},
    "faces": {"tasks"},
    "data": {"tasks", "datasets", "faces", "executors"},
    "model": {"tasks", "data", "faces"},
    "serving": {"tasks", "faces", "model", "data.images", "data.files", "executors"},
    "evaluation": {"tasks", "faces", "datasets", "data.files", "data.manifest", "model.hparams", "serving"},
    "web": {"tasks", "faces", "serving"},
    "study": {"tasks", "data.files", "model.hparams", "evaluation"},
}


def test_rooms_import_only_what_the_table_allows():
    for path in PACKAGE.glob("*/*.py"):
        room = path.parent.name
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                if name and name.startswith("age_gender_estimation."):
                    target = name.removeprefix("age_gender_estimation.")
                    allowed = {room, "errors", "storage", *MAY_IMPORT[room]}
                    assert any(target == entry or target.startswith(f"{entry}.") for entry in allowed), (
                        f"{path} imports {name}"
                    )


def test_the_floor_under_the_rooms_imports_none_of_them():
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not any(str(name).split(".")[1:2] == [room] for name in names for room in MAY_IMPORT), path


def test_every_room_is_in_the_table():
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == set(MAY_IMPORT)


def test_what_names_an_interpreter_can_be_run():
    files = [path for path in (PACKAGE.parent / "bin").iterdir() if path.is_file()]
    scripts = [path for path in files if path.read_bytes()[:2] == b"#!"]
    assert len(scripts) > 10 and [path.name for path in scripts if not os.access(path, os.X_OK)] == []
