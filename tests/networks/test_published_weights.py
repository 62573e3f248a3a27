"""Weights from files: matched by name, whatever wrote the file, and refused by name."""

import logging

import h5py
import numpy as np
import pytest
import tensorflow as tf

from age_gender_estimation.errors import InputError
from age_gender_estimation.networks.backbones import BACKBONES
from age_gender_estimation.networks.published_weights import (
    load_published_weights,
    read_arrays,
    variables_by_name,
)

layers = tf.keras.layers


def tiny(seed=0, name="tiny"):
    """Five layers of the kinds that published files hold, for 4 px; weights differ by seed."""
    inputs = layers.Input([4, 4, 3])
    features = layers.Conv2D(2, 3, use_bias=False, name="conv_1")(inputs)
    features = layers.BatchNormalization(name="conv_1_bn")(features)
    features = layers.PReLU(shared_axes=[1, 2], name="conv_1_prelu")(features)
    features = layers.DepthwiseConv2D(2, use_bias=False, name="part/conv_dw")(features)
    model = tf.keras.Model(inputs, layers.Flatten()(features), name=name)
    generator = np.random.default_rng(seed)
    model.set_weights([generator.uniform(0.5, 1.5, weight.shape) for weight in model.get_weights()])
    return model


def with_classifier(backbone):
    classifier = layers.Dense(3, name="classifier")
    return tf.keras.Model(backbone.input, classifier(backbone.output))


def nested(backbone):
    return tf.keras.Sequential([backbone, layers.Dense(3, name="classifier")])


def trained(model):
    """After a step of Adam, whose moments Keras saves too, under the names of the weights."""
    model.compile("adam", "mse")
    model.fit(np.ones([1, 4, 4, 3]), np.ones([1, 3]), verbose=0)
    return model


def published_arrays(model):
    """As in published .npz files: short names of statistics, slopes without axes of length 1."""
    return {
        name.replace("moving_mean", "mean").replace(
            "moving_variance", "var"
        ): variable.numpy().squeeze() if "prelu" in name else variable.numpy()
        for name, variable in variables_by_name(model).items()
    }


def write_npz(path, model):
    np.savez(path, **published_arrays(model))


WRITERS = {
    "published.npz": write_npz,
    "save_weights.h5": lambda path, model: model.save_weights(path),
    "save.h5": lambda path, model: trained(with_classifier(model)).save(path),
    "save_nested.h5": lambda path, model: trained(nested(model)).save(path),
    "save_weights_nested.h5": lambda path, model: nested(model).save_weights(path),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_every_kind_of_file_gives_its_arrays_back(tmp_path, name):
    source, path = tiny(1), str(tmp_path / name)
    WRITERS[name](path, source)
    model = tiny(2)
    load_published_weights(model, path)
    for variable, actual, expected in zip(model.weights, model.get_weights(), source.get_weights()):
        np.testing.assert_array_equal(actual, expected, err_msg=variable.name)


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "cnn"])
def test_files_of_keras_backbones_fit_whatever_was_built_before(tmp_path, name):
    BACKBONES[name].build(32)  # Keras numbers unnamed layers by process
    source, model = BACKBONES[name].build(32), BACKBONES[name].build(32)
    source.save_weights(tmp_path / "w.h5")
    load_published_weights(model, str(tmp_path / "w.h5"))
    for actual, expected in zip(model.get_weights(), source.get_weights()):
        np.testing.assert_array_equal(actual, expected)


def test_number_that_keras_added_to_an_unnamed_layer_does_not_matter(tmp_path):
    model = tf.keras.Sequential(
        [layers.Input([2]), layers.Dense(1, name="dense"), layers.Dense(1, name="dense_1")]
    )
    arrays = {
        "dense_1/kernel": [[3.0]],
        "dense_1/bias": [4.0],
        "dense_2/kernel": [[1.0], [2.0]],
        "dense_2/bias": [5.0],
    }
    np.savez(tmp_path / "w.npz", **arrays)
    load_published_weights(model, str(tmp_path / "w.npz"))
    # dense_1 is taken by its own layer, so dense_2 is the only one that can be dense.
    assert [weight.ravel().tolist() for weight in model.get_weights()] == [[1, 2], [5], [3], [4]]
    np.savez(tmp_path / "w.npz", **arrays, **{"dense_3/kernel": [[7.0], [8.0]]})
    with pytest.raises(InputError, match=r"dense/kernel \(2, 1\): none$"):
        load_published_weights(model, str(tmp_path / "w.npz"))


def test_layers_built_in_a_graph_that_has_their_names_are_found(tmp_path):
    write_npz(tmp_path / "w.npz", tiny(1))
    expected = tiny(1).get_weights()
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.keras.backend.set_session(session)
        tiny(2)
        model = tiny(3)
        assert model.weights[0].name == "conv_1_1/kernel:0"  # what the test is about
        load_published_weights(model, str(tmp_path / "w.npz"))
        loaded = session.run(model.weights)
    tf.keras.backend.clear_session()
    assert all((one == two).all() for one, two in zip(loaded, expected))


def test_arrays_that_are_not_needed_are_named_in_one_line(tmp_path, caplog):
    np.savez(
        tmp_path / "w.npz",
        **published_arrays(tiny()),
        **{"fc1/kernel": [1.0], "fc1/bias": [1.0], "note": "text"},
    )
    with caplog.at_level(logging.INFO):
        load_published_weights(tiny(), str(tmp_path / "w.npz"))
    assert [record.getMessage() for record in caplog.records] == [
        f"7 arrays of {tmp_path}/w.npz loaded; not part of tiny: fc1/bias, fc1/kernel, note"
    ]


def test_every_array_that_does_not_fit_is_named_and_nothing_is_loaded(tmp_path):
    arrays = published_arrays(tiny(1))
    del arrays["conv_1_bn/mean"]
    arrays["conv_1/kernel"] = np.ones([3, 3, 2, 3])
    arrays["conv_1_bn/gamma"] = np.array(["a", "b"])
    arrays["conv_1_prelu/alpha"] = np.ones([4])
    np.savez(tmp_path / "w.npz", **arrays)
    model = tiny(2)
    before = model.get_weights()
    with pytest.raises(InputError) as error:
        load_published_weights(model, str(tmp_path / "w.npz"))
    assert str(error.value) == (
        f"--weights {tmp_path}/w.npz: cannot be loaded into tiny, is it of another network or "
        "--img-size? 4 of 7 arrays do not fit: conv_1/kernel (3, 3, 3, 2): found (3, 3, 2, 3); "
        "conv_1_bn/gamma (2,): found <U1, not numbers; "
        "conv_1_bn/moving_mean (2,): none; conv_1_prelu/alpha (1, 1, 2): found (4,)"
    )
    assert all((old == new).all() for old, new in zip(before, model.get_weights()))


def test_file_without_any_known_name_is_refused(tmp_path):
    np.savez(tmp_path / "w.npz", a=[1.0], b=[2.0])
    with pytest.raises(
        InputError, match=r"into tiny: expected arrays named conv_1/kernel, .*, \.\.\.; found a, b$"
    ):
        load_published_weights(tiny(), str(tmp_path / "w.npz"))
    np.savez(tmp_path / "empty.npz")
    with pytest.raises(InputError, match="found none$"):
        load_published_weights(tiny(), str(tmp_path / "empty.npz"))


def write_pickled(path):
    np.savez(path, **{"conv_1/kernel": np.array([{}], dtype=object)})


def write_foreign_h5(path):
    with h5py.File(path, "w") as file:
        file["data"] = [1.0]


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_damaged_files_are_refused_in_one_line(tmp_path, suffix):
    path = tmp_path / f"w{suffix}"
    WRITERS["published.npz" if suffix == ".npz" else "save_weights.h5"](path, tiny())
    whole = path.read_bytes()
    # a download cut short; a page of it overwritten; another kind of file; nothing
    middle = len(whole) // 2
    for damaged in (whole[:middle], whole[:8] + b"?" * 500 + whole[508:], b"garbage", b""):
        path.write_bytes(damaged)
        with pytest.raises(InputError) as error:
            load_published_weights(tiny(), str(path))
        assert str(error.value).startswith(f"--weights {path}: c") and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "name, write, message",
    [
        (
            "pickled.npz",
            write_pickled,
            "cannot be read as a .npz file (Object arrays cannot be loaded when allow_pickle",
        ),
        (
            "array.npz",
            lambda path: np.save(open(path, "wb"), [1.0]),
            "cannot be read as a .npz file",
        ),
        ("foreign.h5", write_foreign_h5, "cannot be read as a .h5 file (no layer_names"),
        (
            "keras3.weights.h5",
            lambda path: tiny().save_weights(path),
            "cannot be read as a .h5 file (no layer_names",
        ),
        ("weights.tar", lambda path: path.touch(), "expected a file that ends with .npz or .h5"),
    ],
)
def test_other_kinds_of_files_are_refused(tmp_path, name, write, message):
    write(tmp_path / name)
    with pytest.raises(InputError) as error:
        read_arrays(str(tmp_path / name))
    assert message in str(error.value) and str(tmp_path / name) in str(error.value)


def test_list_of_layers_that_keras_has_cut_into_pieces_is_read_whole(tmp_path):
    path = str(tmp_path / "w.h5")
    tiny(1).save_weights(path)
    with h5py.File(path, "a") as file:
        names = list(file.attrs["layer_names"])
        del file.attrs["layer_names"]
        file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:2], names[2:]
    assert len(read_arrays(path)) == 7
