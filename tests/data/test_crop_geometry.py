import json
import shutil

import pytest

from age_gender_estimation.cli import evaluate, export, train
from age_gender_estimation.data.crop_geometry import geometry_of, read_crops, require_one_geometry
from age_gender_estimation.errors import InputError
from age_gender_estimation.faces.crop import GEOMETRIES
from tests.conftest import ROOT


def declare(folder, geometry):
    """Writes a preprocess.json; returns the path of a manifest beside it."""
    folder.mkdir()
    settings = {"geometry": GEOMETRIES[geometry].to_dict(), "img_size": 48}
    (folder / "preprocess.json").write_text(json.dumps({"settings": settings}))
    return str(folder / "val.csv")


def test_lists_and_models_of_one_geometry_pass_and_others_are_named(tmp_path):
    wide, tight = declare(tmp_path / "a", "imdb_wiki"), declare(tmp_path / "b", "utkface")
    unknown = str(tmp_path / "val.csv")
    assert read_crops(wide) == {"geometry": GEOMETRIES["imdb_wiki"].to_dict(), "crop_size": 48}
    assert read_crops(unknown) is None
    require_one_geometry([unknown, tight, tight], {"model": "utkface"})
    require_one_geometry([unknown], {})
    with pytest.raises(InputError) as caught:
        require_one_geometry([unknown, wide], {"model": "utkface"})
    assert str(caught.value) == (
        f"{wide} has face crops of the geometry imdb_wiki, model of utkface; cut them in one "
        "geometry (age-gender preprocess --align gives utkface), or say --allow-other-geometry"
    )
    with pytest.raises(InputError, match="imdb_wiki"):
        require_one_geometry([tight, wide], {})


def test_the_geometry_of_a_model_is_read_and_a_folder_without_one_is_refused(tmp_path):
    assert geometry_of(str(ROOT / "pretrained")) == "utkface"
    with pytest.raises(InputError):
        geometry_of(str(tmp_path))


@pytest.mark.parametrize("flag", ["--warm-start", "--teacher"])
def test_training_on_crops_of_another_geometry_than_the_start_is_refused(
    flag, crops, tmp_path, monkeypatch
):
    arguments = ["--img-dir", crops / "crop", "--model-dir", tmp_path / "model"]
    arguments += ["--train-csv", crops / "train.csv", "--val-csv", crops / "val.csv"]
    arguments += [flag, ROOT / "pretrained"]
    with pytest.raises(InputError, match="train.csv has face crops of the geometry imdb_wiki"):
        train.main(list(map(str, arguments)))
    assert not (tmp_path / "model").exists()


def test_a_model_is_not_measured_on_crops_of_another_geometry(crops, tmp_path):
    arguments = ["--model-dir", ROOT / "pretrained", "--csv", crops / "val.csv"]
    arguments += ["--img-dir", crops / "crop", "--output-dir", tmp_path / "evaluation"]
    with pytest.raises(
        InputError, match="val.csv has face crops of the geometry imdb_wiki, .*1 of"
    ):
        evaluate.main(list(map(str, arguments)))
    evaluate.main(list(map(str, [*arguments, "--allow-other-geometry"])))
    assert (tmp_path / "evaluation" / "evaluation.json").exists()


def test_a_model_is_not_calibrated_on_crops_of_another_geometry(crops):
    arguments = ["--model-dir", ROOT / "pretrained", "--format", "onnx"]
    arguments += ["--val-csv", crops / "val.csv", "--img-dir", crops / "crop"]
    with pytest.raises(InputError, match="val.csv has face crops of the geometry imdb_wiki"):
        export.main(list(map(str, arguments)))


def test_several_lists_of_different_geometry_are_refused(crops, tmp_path):
    shutil.copytree(crops, tmp_path / "other")
    path = tmp_path / "other" / "preprocess.json"
    content = json.loads(path.read_text())
    content["settings"]["geometry"] = GEOMETRIES["utkface"].to_dict()
    path.write_text(json.dumps(content))
    folders = crops, tmp_path / "other"
    arguments = ["--img-dir", *(folder / "crop" for folder in folders)]
    arguments += ["--train-csv", *(folder / "train.csv" for folder in folders)]
    arguments += ["--val-csv", *(folder / "val.csv" for folder in folders)]
    with pytest.raises(InputError, match="other/train.csv has face crops .* utkface"):
        train.main(list(map(str, [*arguments, "--model-dir", tmp_path / "model"])))
