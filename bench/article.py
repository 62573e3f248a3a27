"""The baseline: what the article does, written from its description.

A Python loop over imdb.mat that reads, resizes and writes with OpenCV; a text-line reader with one
map thread; a model_fn of three 5x5 convolutions with Adam.
"""

import csv
import datetime
import os

SIZE = 224


def preprocess(mat, photo_dir, output_dir):
    """Makes crops and a CSV of the usable records of an imdb.mat in one loop.

    Args:
      mat: imdb.mat.
      photo_dir: folder of its images.
      output_dir: gets crop/... and train.csv.

    Returns:
      The number of crops.
    """
    import cv2
    import scipy.io

    record = scipy.io.loadmat(mat)["imdb"][0, 0]
    columns = [
        record[name][0]
        for name in ("dob", "photo_taken", "full_path", "gender", "face_score", "second_face_score")
    ]
    rows = []
    for dob, taken, path, gender, score, second in zip(*columns):
        if not score >= 1.0 or second > 0 or gender not in (0.0, 1.0) or dob <= 366:
            continue
        birth = datetime.date.fromordinal(int(dob) - 366)
        age = int(taken) - birth.year - (birth.month >= 7)
        if not 0 <= age <= 100:
            continue
        image = cv2.imread(os.path.join(photo_dir, path[0]))
        if image is None:
            continue
        target = os.path.join(output_dir, "crop", path[0])
        os.makedirs(os.path.dirname(target), exist_ok=True)
        cv2.imwrite(target, cv2.resize(image, (SIZE, SIZE)))
        rows.append((path[0], age, int(gender)))
    with open(os.path.join(output_dir, "train.csv"), "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("filename", "age", "gender"), *rows])
    return len(rows)


def read_batches(csv_path, image_dir, size, batch_size):
    """Returns the article's endless Dataset.

    Its elements are ({"image": float32 [batch, size, size, 3]}, {"age": int32, "gender": int32}).
    """
    import tensorflow as tf

    def load(line):
        name, age, gender = tf.io.decode_csv(line, [[""], [0], [0]])
        image = tf.io.decode_jpeg(
            tf.io.read_file(tf.strings.join([image_dir, os.sep, name])), channels=3
        )
        image = tf.image.per_image_standardization(tf.image.resize(image, [size, size]))
        return {"image": image}, {"age": age, "gender": gender}

    rows = tf.data.TextLineDataset(csv_path).skip(1)
    return rows.map(load, num_parallel_calls=1).shuffle(128).repeat().batch(batch_size).prefetch(1)


def model_fn(features, labels, mode, params):
    """The article's network and training step; only the mode TRAIN is measured."""
    import tensorflow as tf

    v1 = tf.compat.v1
    images = features["image"]
    for filters, dropped in ((32, 0.2), (64, 0.4), (128, 0.7)):
        images = v1.layers.conv2d(images, filters, 5, padding="same", activation=tf.nn.relu)
        images = v1.layers.dropout(v1.layers.max_pooling2d(images, 2, 2), dropped, training=True)
    units = v1.layers.dense(v1.layers.flatten(images), 1024, tf.nn.relu)
    units = v1.layers.dropout(units, 0.4, training=True)
    losses = [
        v1.losses.sparse_softmax_cross_entropy(labels[name], v1.layers.dense(units, classes))
        for name, classes in (("age", 101), ("gender", 2))
    ]
    loss = sum(losses) / len(losses)
    step = v1.train.get_or_create_global_step()
    return tf.estimator.EstimatorSpec(
        mode, loss=loss, train_op=v1.train.AdamOptimizer(1e-3).minimize(loss, step)
    )
