"""Published weights: a .npz or Keras .h5 file in, the variables of a Keras model set by name.

Arrays are named `<layer>/<variable>`: `conv_1/kernel`, `conv_1_bn/gamma`. A .h5 file is what Keras'
`save_weights` or `save` writes. A .npz file may name the statistics `mean` and `var` in place of
Keras' `moving_mean` and `moving_variance`.
"""

import itertools
import logging
import os
import re
from collections.abc import Callable

import h5py
import numpy as np
import tensorflow as tf

from age_gender_estimation.errors import InputError
from age_gender_estimation.storage import filesystem
from age_gender_estimation.storage.error_text import short_message

logger = logging.getLogger(__name__)

SHORT_NAMES = {"moving_mean": "mean", "moving_variance": "var"}


def load_published_weights(
    model: tf.keras.Model, path: str, convert: Callable[[dict], dict] = lambda arrays: arrays
) -> None:
    """Sets every variable of a Keras model to the array of its name; logs which arrays are unused.

    Args:
      model: a Keras model without models among its layers.
      path: the file.
      convert: its arrays -> arrays with Keras' names and layouts.

    Raises:
      InputError: the file cannot be read, or does not give every variable an array of its shape.
    """
    arrays = convert(read_arrays(path))
    variables = variables_by_name(model)
    keys = {name: _find(name, arrays, variables) for name in variables}
    if not any(keys.values()):
        raise InputError(
            f"--weights {path}: cannot be loaded into {model.name}: expected arrays named "
            f"{_some(variables)}; found {_some(arrays) or 'none'}"
        )
    problems = [
        _problem(name, variable, arrays.get(keys[name])) for name, variable in variables.items()
    ]
    problems = [problem for problem in problems if problem]
    if problems:
        raise InputError(
            f"--weights {path}: cannot be loaded into {model.name}, is it of another network or "
            f"--img-size? {len(problems)} of {len(variables)} arrays do not fit: "
            + "; ".join(problems)
        )
    tf.keras.backend.batch_set_value(
        [
            (variable, arrays[keys[name]].reshape(variable.shape))
            for name, variable in variables.items()
        ]
    )
    unused = sorted(set(arrays) - set(keys.values()))
    logger.info(
        "%d arrays of %s loaded; %s",
        len(variables),
        path,
        f"not part of {model.name}: {', '.join(unused)}" if unused else "none is left over",
    )


def variables_by_name(model: tf.keras.Model) -> dict[str, tf.Variable]:
    """Returns {"<layer>/<variable>": variable}, without what Keras adds to names in a graph."""
    return {
        f"{layer.name}/{_leaf(variable.name)}": variable
        for layer in model.layers
        for variable in layer.weights
    }


def read_arrays(path: str) -> dict[str, np.ndarray]:
    """Returns {"<layer>/<variable>": array} of a .npz or .h5 file.

    Raises:
      InputError: another kind of file, or one that is damaged.
    """
    readers = {".npz": _read_npz, ".h5": _read_h5}
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in readers:
        raise InputError(f"--weights {path}: expected a file that ends with .npz or .h5")
    try:
        with filesystem.local_copy(path) as local:
            return readers[suffix](local)
    except Exception as error:  # NumPy, zipfile and h5py raise a dozen kinds for damaged files
        reason = short_message(error)
        raise InputError(
            f"--weights {path}: cannot be read as a {suffix} file ({reason})"
        ) from None


def _read_npz(path):
    # Pickled objects could run code.
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _read_h5(path):
    with h5py.File(path, "r") as file:
        root = file["model_weights"] if "model_weights" in file else file
        layers = _attribute(root, "layer_names")
        if not layers:
            raise ValueError(
                "no layer_names, so not what Keras' save_weights('x.h5') or save('x.h5') writes"
            )
        arrays = {}
        for layer in layers:
            names = _attribute(root[layer], "weight_names")
            # A model inside the model is one layer to Keras, with arrays of several layers.
            is_model = len({name.rpartition("/")[0] for name in names}) > 1
            for name in names:
                owner = name.rpartition("/")[0].removeprefix(f"{layer}/") if is_model else layer
                arrays[f"{owner}/{_leaf(name)}"] = root[layer][name][()]
        return arrays


def _attribute(group, name):
    """Returns a list of str. Keras splits long ones into the attributes name0, name1, ..."""
    numbered = itertools.takewhile(
        group.attrs.__contains__, (f"{name}{n}" for n in itertools.count())
    )
    parts = [group.attrs[key] for key in (name, *numbered) if key in group.attrs]
    return [
        item.decode() if isinstance(item, bytes) else str(item) for part in parts for item in part
    ]


def _leaf(name):
    return name.rpartition("/")[2].partition(":")[0]


def _find(name, arrays, variables):
    """Returns the key of a variable's array, or None."""
    layer, _, leaf = name.rpartition("/")
    for key in (name, f"{layer}/{SHORT_NAMES.get(leaf, leaf)}"):
        if key in arrays:
            return key
    # Keras numbers unnamed layers by process: the second EfficientNet of one saves normalization_1.
    numbered = [
        key
        for key in arrays
        if key not in variables and re.fullmatch(rf"{re.escape(layer)}_\d+/{leaf}", key)
    ]
    return numbered[0] if len(numbered) == 1 else None


def _problem(name, variable, array):
    """Returns what is wrong with the array of a variable, or None.

    Axes of length 1 do not count: published slopes of PReLU have none.
    """
    expected = tuple(variable.shape)
    if array is None:
        return f"{name} {expected}: none"
    if array.dtype.kind not in "fiu":
        return f"{name} {expected}: found {array.dtype}, not numbers"
    if [size for size in array.shape if size != 1] != [size for size in expected if size != 1]:
        return f"{name} {expected}: found {array.shape}"
    return None


def _some(names):
    names = list(names)
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
