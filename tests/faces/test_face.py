import numpy as np
import pytest

from age_gender_estimation.faces.face import Face, turn_face, turn_image


@pytest.mark.parametrize("degrees", [-180, -90, 0, 90, 180, 270])
def test_a_face_turns_with_its_image(degrees):
    """Pixels mark the corners of a box and a landmark; they are looked for in the turned image."""
    image = np.zeros((30, 50), np.uint8)
    image[4:10, 7:20], image[6, 9] = 1, 2
    face = Face((7, 4, 13, 6), np.full((5, 2), (9.5, 6.5)), 0.9)
    turned = turn_face(face, degrees, 50, 30)
    pixels = turn_image(image, degrees)
    rows, columns = np.nonzero(pixels)
    left, top = columns.min(), rows.min()
    expected = (left, top, columns.max() + 1 - left, rows.max() + 1 - top)
    assert turned.box == expected and turned.rotation == degrees % 360
    row, column = np.argwhere(pixels == 2)[0]
    assert turned.landmarks.tolist() == [[column + 0.5, row + 0.5]] * 5
    back = turn_face(turned, -degrees, *pixels.shape[::-1])
    assert back.box == face.box and back.rotation == 0


def test_clockwise_is_as_the_viewer_sees_it():
    assert turn_image(np.array([[1, 2], [3, 4]]), 90).tolist() == [[3, 1], [4, 2]]
