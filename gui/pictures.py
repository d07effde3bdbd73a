"""Frames and crops as Qt pictures, with as few copies as can be."""

import math

import numpy as np
from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPixmap

from attendance.types import BgrImage


def image_view(bgr: BgrImage) -> QImage:
    """Return a QImage over the array's own memory; the array must outlive it.

    bgr: uint8 (H, W, 3). An array that is not contiguous is copied first.
    """
    if not bgr.flags.c_contiguous:
        bgr = np.ascontiguousarray(bgr)
    height_px, width_px = bgr.shape[:2]
    # A memoryview keeps the array alive for as long as Qt holds the buffer object.
    return QImage(bgr.data, width_px, height_px, int(bgr.strides[0]), QImage.Format.Format_BGR888)


def screen_image(bgr: BgrImage) -> QImage:
    """Return the one copy made of a shown frame: the format Qt paints fastest (RGB32)."""
    return image_view(bgr).convertToFormat(QImage.Format.Format_RGB32)


def bgr_pixmap(bgr: BgrImage) -> QPixmap:
    """Return a pixmap of its own memory."""
    return QPixmap.fromImage(screen_image(bgr))


def face_square(box_xyxy: tuple[float, float, float, float], *, margin: float) -> QRect:
    """Return the square around a face, in pixels of the frame; margin: 1.0 is the box itself."""
    x0, y0, x1, y1 = box_xyxy
    side = max(x1 - x0, y1 - y0) * margin
    left, top = (x0 + x1 - side) / 2, (y0 + y1 - side) / 2
    return QRect(math.floor(left), math.floor(top), max(1, round(side)), max(1, round(side)))


def face_photo(
    bgr: BgrImage,
    box_xyxy: tuple[float, float, float, float],
    *,
    size_px: int,
    mirrored: bool,
    ratio: float = 1.0,
) -> QPixmap:
    """Return the face of a moment as a round picture. size_px: its diameter on the screen."""
    square = face_square(box_xyxy, margin=1.5)
    side_px = max(1, round(size_px * ratio))
    pixmap = QPixmap(side_px, side_px)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHints(
        QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
    )
    circle = QPainterPath()
    circle.addEllipse(QRectF(0, 0, side_px, side_px))
    painter.setClipPath(circle)
    painter.fillPath(circle, Qt.GlobalColor.darkGray)
    if mirrored:
        painter.translate(side_px, 0)
        painter.scale(-1, 1)
    seen = square.intersected(QRect(0, 0, bgr.shape[1], bgr.shape[0]))
    if not seen.isEmpty():
        factor = side_px / square.width()
        target = QRectF(
            (seen.left() - square.left()) * factor,
            (seen.top() - square.top()) * factor,
            seen.width() * factor,
            seen.height() * factor,
        )
        part = bgr[seen.top() : seen.bottom() + 1, seen.left() : seen.right() + 1]
        painter.drawImage(target, screen_image(np.ascontiguousarray(part)))
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap
