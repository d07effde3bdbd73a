"""The live picture: its shape, its mirror, its rings; and whose name is on which face."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtWidgets import QApplication

from attendance.types import BgrImage
from gui.face_marks import STALE_FRAMES, FaceMarks
from gui.pictures import face_photo, face_square, screen_image
from gui.video_view import FaceMark, MarkState, VideoView
from tests.gui.fakes import make_face, make_frame, make_result


def view_of(
    width_px: int, height_px: int, *, frame: BgrImage | None = None, mirrored: bool = True
) -> VideoView:
    view = VideoView()
    view.resize(width_px, height_px)
    view.set_mirrored(mirrored=mirrored)
    view.show_frame(make_frame(1, frame), ())
    return view


@given(st.integers(40, 2000), st.integers(40, 2000), st.sampled_from([(480, 640), (720, 1280)]))
def test_the_picture_keeps_its_aspect_ratio_and_fits(
    qapp: QApplication, width_px: int, height_px: int, size_hw: tuple[int, int]
) -> None:
    view = view_of(width_px, height_px, frame=np.zeros((*size_hw, 3), np.uint8))
    rect = view.picture_rect()
    assert view.rect().contains(rect)
    # Rounded to whole pixels, both sides are as large as the smaller one allows.
    assert abs(rect.width() * size_hw[0] - rect.height() * size_hw[1]) <= max(size_hw)
    assert width_px - rect.width() <= 1 or height_px - rect.height() <= 1


@given(st.floats(0, 640), st.floats(0, 480), st.booleans())
def test_a_point_of_the_frame_stands_inside_the_picture(
    qapp: QApplication, x_px: float, y_px: float, mirrored: bool
) -> None:
    view = view_of(800, 600, mirrored=mirrored)
    point = view.to_view(x_px, y_px)
    expected_x = (640 - x_px if mirrored else x_px) * 800 / 640
    assert point.x() == pytest.approx(expected_x)
    assert point.y() == pytest.approx(y_px * 600 / 480)


@pytest.mark.parametrize("mirrored", [True, False])
def test_the_picture_is_a_mirror_if_wanted(qapp: QApplication, mirrored: bool) -> None:
    image = view_of(640, 480, mirrored=mirrored).grab().toImage()
    left, right = image.pixelColor(160, 240).lightness(), image.pixelColor(480, 240).lightness()
    assert (left > right) == mirrored


def test_the_corners_of_the_picture_are_rounded_off(qapp: QApplication) -> None:
    from gui.theme import THEMES

    image = view_of(640, 480).grab().toImage()
    assert image.pixelColor(0, 0).name() == THEMES["light"].background
    assert image.pixelColor(320, 0).name() != THEMES["light"].background


def test_a_ring_is_drawn_around_the_face_in_the_mirrored_place(qapp: QApplication) -> None:
    view = view_of(640, 480, frame=np.zeros((480, 640, 3), np.uint8))
    mark = FaceMark((100, 200, 200, 300), MarkState.ACCEPTED, 1.0, "")
    view.show_frame(make_frame(2, np.zeros((480, 640, 3), np.uint8)), (mark,))
    image = view.grab().toImage()
    bright = [x for x in range(640) if image.pixelColor(x, 245).green() > 100]
    assert bright
    assert min(bright) > 400
    assert max(bright) < 580


def test_a_name_at_the_edge_is_not_cut_off(qapp: QApplication) -> None:
    frame = np.zeros((480, 640, 3), np.uint8)
    view = view_of(640, 480, frame=frame, mirrored=False)
    mark = FaceMark((560, 400, 640, 480), MarkState.ACCEPTED, 1.0, "Maximiliana Alexandrina")
    view.show_frame(make_frame(2, frame), (mark,))
    image = view.grab().toImage()
    fill = "#0d7a42"
    columns = [
        x for x in range(640) for y in range(440, 480) if image.pixelColor(x, y).name() == fill
    ]
    assert columns
    assert max(columns) < 640 - 4
    assert min(columns) > 4


def test_the_shown_picture_does_not_change_with_the_buffer_it_came_from(
    qapp: QApplication,
) -> None:
    buffer = np.full((480, 640, 3), 200, np.uint8)
    view = view_of(640, 480, frame=buffer)
    buffer[:] = 0
    assert view.grab().toImage().pixelColor(320, 240).lightness() == 200


@pytest.mark.parametrize("width_px", [1, 2, 3, 5, 639, 641])
def test_rows_whose_length_is_no_multiple_of_four_are_not_sheared(width_px: int) -> None:
    bgr = np.zeros((4, width_px, 3), np.uint8)
    bgr[:, 0] = (255, 0, 0)
    image = screen_image(bgr)
    assert [image.pixelColor(0, y).name() for y in range(4)] == ["#0000ff"] * 4


def test_a_part_of_a_picture_is_shown_right() -> None:
    bgr = np.zeros((20, 20, 3), np.uint8)
    bgr[5:10, 5:10] = (0, 255, 0)
    image = screen_image(bgr[5:10, 5:10])
    assert {image.pixelColor(x, y).name() for x in range(5) for y in range(5)} == {"#00ff00"}


@given(
    st.tuples(st.floats(-200, 900), st.floats(-200, 700), st.floats(1, 400), st.floats(1, 400)),
    st.booleans(),
)
def test_the_photo_of_a_moment_is_made_of_any_box(
    qapp: QApplication, place: tuple[float, float, float, float], mirrored: bool
) -> None:
    x0, y0, width, height = place
    frame = make_frame().bgr
    photo = face_photo(frame, (x0, y0, x0 + width, y0 + height), size_px=72, mirrored=mirrored)
    assert (photo.width(), photo.height()) == (72, 72)
    assert photo.toImage().pixelColor(0, 0).alpha() == 0
    assert photo.toImage().pixelColor(36, 36).alpha() == 255


def test_the_square_around_a_face_has_its_centre() -> None:
    square = face_square((100, 100, 200, 180), margin=1.5)
    assert (square.width(), square.height()) == (150, 150)
    assert abs(square.center().x() - 150) <= 1
    assert abs(square.center().y() - 140) <= 1


def test_before_it_is_accepted_a_face_has_no_name_whatever_it_looks_like() -> None:
    marks = FaceMarks(lambda _track_id: 0.4)
    frame = make_frame()
    marks.observe(make_result(frame, make_face(1), make_face(2)))
    marks.accept(2, "Ana")
    first, second = marks.marks(frame_seq=frame.seq)
    assert (first.name, first.state, first.progress) == ("", MarkState.FORMING, 0.4)
    assert (second.name, second.state, second.progress) == ("Ana", MarkState.ACCEPTED, 1.0)


def test_a_name_does_not_outlive_its_track() -> None:
    marks = FaceMarks(lambda _track_id: 0.0)
    frame = make_frame()
    marks.observe(make_result(frame, make_face(1)))
    marks.accept(1, "Ana")
    marks.observe(make_result(frame, lost_tracks=(1,)))
    marks.observe(make_result(frame, make_face(1)))
    assert [mark.name for mark in marks.marks(frame_seq=frame.seq)] == [""]


def test_a_name_is_forgotten_although_the_result_that_lost_it_was_never_seen() -> None:
    marks = FaceMarks(lambda _track_id: 0.0)
    for track_id in range(1_000):
        marks.accept(track_id, "Ana")
        marks.observe(make_result(make_frame(track_id), make_face(track_id)))
    assert len(marks._verdicts) < 100


def test_an_unknown_face_may_still_be_recognised() -> None:
    marks = FaceMarks(lambda _track_id: 0.0)
    frame = make_frame()
    marks.observe(make_result(frame, make_face(1)))
    marks.call_unknown(1)
    assert [(m.name, m.state) for m in marks.marks(frame_seq=1)] == [("", MarkState.UNKNOWN)]
    marks.accept(1, "Ana")
    assert [(m.name, m.state) for m in marks.marks(frame_seq=1)] == [("Ana", MarkState.ACCEPTED)]


def test_rings_do_not_stay_when_recognition_stands_still() -> None:
    marks = FaceMarks(lambda _track_id: 0.0)
    marks.observe(make_result(make_frame(1), make_face(1)))
    assert len(marks.marks(frame_seq=1 + STALE_FRAMES)) == 1
    assert marks.marks(frame_seq=2 + STALE_FRAMES) == ()
