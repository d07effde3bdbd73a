"""Little round pictures of crops."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPixmap

from attendance.types import Crop
from gui.pictures import screen_image


def round_crop(crop: Crop, size_px: int, *, mirror: bool, ratio: float = 1.0) -> QPixmap:
    """Return a crop cut to a disc that it fills. size_px: the disc's diameter on the screen."""
    side_px = max(1, round(size_px * ratio))
    pixmap = QPixmap(side_px, side_px)
    pixmap.fill(Qt.GlobalColor.transparent)
    scaled = screen_image(crop.bgr).scaled(
        side_px,
        side_px,
        Qt.AspectRatioMode.KeepAspectRatioByExpanding,
        Qt.TransformationMode.SmoothTransformation,
    )
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    disc = QPainterPath()
    disc.addEllipse(QRectF(0, 0, side_px, side_px))
    painter.setClipPath(disc)
    if mirror:
        painter.translate(side_px, 0)
        painter.scale(-1, 1)
    left, top = (side_px - scaled.width()) // 2, (side_px - scaled.height()) // 2
    painter.drawImage(left, top, scaled)
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap
