import io

import cv2
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from age_gender_estimation.data.images import decode, mirror_border, read_image, resize
from age_gender_estimation.faces.photo import decode_photo, encode_jpeg


def test_decode_keeps_a_lossless_image(noise_image):
    png = cv2.imencode(".png", noise_image[..., ::-1])[1].tobytes()
    np.testing.assert_array_equal(decode(png), noise_image)
    grey = cv2.imencode(".png", noise_image[..., 0])[1].tobytes()
    np.testing.assert_array_equal(decode(grey), np.repeat(noise_image[..., :1], 3, axis=2))


@pytest.mark.parametrize("quality", [50, 95])
def test_a_jpeg_has_the_pixels_of_opencv(noise_image, quality):
    jpeg = encode_jpeg(noise_image, quality)
    np.testing.assert_array_equal(decode(jpeg), decode_photo(jpeg))


def test_bmps_and_the_first_frame_of_a_gif_are_decoded(noise_image):
    bmp = cv2.imencode(".bmp", noise_image[..., ::-1])[1].tobytes()
    np.testing.assert_array_equal(decode(bmp), noise_image)
    frames = [PIL.Image.fromarray(np.full((9, 8), value, np.uint8)) for value in (7, 200)]
    frames[0].save(gif := io.BytesIO(), "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(decode(gif.getvalue()), np.full((9, 8, 3), 7))


def test_resize_halves_by_averaging_and_stays_in_range(noise_image):
    halved = resize(tf.constant(noise_image[:40, :40]), 20).numpy()
    expected = cv2.resize(
        noise_image[:40, :40].astype(np.float32), (20, 20), interpolation=cv2.INTER_AREA
    )
    assert halved.shape == (20, 20, 3) and halved.dtype == np.uint8
    errors = halved - expected
    assert np.abs(errors).mean() < 4  # a triangle filter against a box
    assert abs(errors.mean()) < 0.2  # rounded; cut off, it would be 0.5 too dark


def test_an_image_of_the_size_stays_as_it_is(noise_image):
    np.testing.assert_array_equal(
        resize(tf.constant(noise_image[:40, :40]), 40), noise_image[:40, :40]
    )


def test_batches_and_single_images_are_resized_alike(noise_image):
    batch = resize(tf.constant(np.stack([noise_image, noise_image[::-1]])), 24)
    np.testing.assert_allclose(batch[0], resize(tf.constant(noise_image), 24))
    assert resize(tf.zeros([0, 24, 24, 3], tf.uint8), 24).shape == (0, 24, 24, 3)


def test_a_border_is_mirrored_by_so_many_pixels_at_the_top_the_bottom_the_left_and_the_right():
    image = tf.reshape(tf.range(9.0), [1, 3, 3, 1]) * tf.ones([3])
    expected = [[4, 3, 3, 4, 5], [1, 0, 0, 1, 2], [1, 0, 0, 1, 2], [4, 3, 3, 4, 5], [7, 6, 6, 7, 8]]
    np.testing.assert_array_equal(mirror_border(image, (2, 0, 2, 0))[0, :, :, 0], expected)
    np.testing.assert_array_equal(mirror_border(image, (0, 1, 0, 1))[0, 3, :, 2], [6, 7, 8, 8])
    assert mirror_border(image, ()) is image


@pytest.mark.parametrize("size", [16, 40])
def test_reading_in_a_dataset_equals_reading_eagerly(noise_image, tmp_path, size):
    path = str(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes(encode_jpeg(noise_image))
    mapped = next(iter(tf.data.Dataset.from_tensors(path).map(lambda name: read_image(name, size))))
    np.testing.assert_array_equal(mapped, read_image(path, size))
    assert mapped.shape == (size, size, 3)
