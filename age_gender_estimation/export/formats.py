"""What `age-gender export` does: a model folder or an export in, the files of the formats out."""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence

from age_gender_estimation.errors import SettingError
from age_gender_estimation.export.check import drawn_images, read_faces
from age_gender_estimation.export.saved_model import export_model
from age_gender_estimation.export.tflite import export_int8, export_tflite
from age_gender_estimation.storage.model_folder import ModelFolder, read_description

FORMATS = ("saved-model", "onnx", "tflite")
NUM_COMPARED = 32  # faces on which a file is compared with the SavedModel
NUM_INT8 = 400  # faces for 8 bits: half of them set ranges, half measure


def export_formats(
    model_dir: str, formats: Sequence[str], faces: Sequence[str] = (), is_int8: bool = False
) -> Iterator[str]:
    """Exports a model and yields a line for each file or folder that was written.

    Args:
      model_dir: a model folder, whose best checkpoint is exported; or an export, or a folder with
        serving/<timestamp>, whose SavedModel is converted.
      formats: some of FORMATS.
      faces: paths of face crops on which files are compared with the SavedModel; drawn images
        without faces if there are none.
      is_int8: whether the TensorFlow Lite model has 8-bit weights and activations.

    Raises:
      InputError: there is no such model, or a file does not answer like its SavedModel.
      SettingError: 8 bits without faces.
    """
    if is_int8 and ("tflite" not in formats or not faces):
        raise SettingError("--int8: expected --format tflite or all, and faces in --img-dir")
    folder = ModelFolder(model_dir)
    with contextlib.ExitStack() as stack:
        if not folder.has_hparams() and formats != ("saved-model",):
            export = folder.newest_export()
        elif formats == ("tflite",):  # its SavedModel is not asked for
            serving = stack.enter_context(tempfile.TemporaryDirectory())
            export = export_model(model_dir, serving)
        else:
            export = export_model(model_dir)
            yield f"exported: {export}"
        if formats == ("saved-model",):
            return
        size = read_description(export, lambda found: int(found["img_size"]))
        images = read_faces(faces, size, NUM_COMPARED) if faces else drawn_images(size)
        if "onnx" in formats:
            from age_gender_estimation.export.onnx_file import export_onnx  # needs tf2onnx

            yield f"exported: {export_onnx(export, images)}"
        if "tflite" in formats and not is_int8:
            yield f"exported: {export_tflite(export, folder.join('tflite'), images)}"
        elif "tflite" in formats:
            calibrating = read_faces(faces, size, NUM_INT8)
            path, loss = export_int8(export, folder.join("tflite"), calibrating)
            yield f"exported: {path}; {loss}"
