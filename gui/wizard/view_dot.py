"""One dot for one view: asked for, being held, or taken and shown as a little picture."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from attendance.ports import FaceLook
from gui.icons import draw_symbol
from gui.theme import TYPE_PX, look
from gui.wizard.pictures import round_crop

DISC_PX = 64
BADGE_PX = 22
VIEW_SYMBOLS = {"front": "face", "left": "left", "right": "right", "up": "up", "down": "down"}


class ViewDot(QAbstractButton):
    """A view of the session. A taken one can be pressed to take it again."""

    def __init__(self, view: str, label: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = view
        self._label = label
        self._look: FaceLook | None = None
        self._picture: QPixmap | None = None
        self._wanted = False
        self._mirror = True
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        look().changed.connect(self.update)
        self._tell()

    @property
    def taken(self) -> bool:
        return self._look is not None

    @property
    def wanted(self) -> bool:
        return self._wanted

    @property
    def symbol(self) -> str:
        """The symbol of the view that is asked for."""
        return VIEW_SYMBOLS.get(self.view, "face")

    def show_state(self, face_look: FaceLook | None, *, wanted: bool, mirror: bool) -> None:
        """Show the taken look, or an empty dot; wanted: this view is asked for now."""
        if face_look is not self._look or mirror != self._mirror:
            self._look, self._mirror = face_look, mirror
            self._picture = None
            if face_look is not None:
                self._picture = round_crop(
                    face_look.crop, DISC_PX - 8, mirror=mirror, ratio=self.devicePixelRatioF()
                )
        self._wanted = wanted
        self.setEnabled(self.taken)
        self.setCursor(
            Qt.CursorShape.PointingHandCursor if self.taken else Qt.CursorShape.ArrowCursor
        )
        self._tell()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(DISC_PX + 8, DISC_PX + 48)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _tell(self) -> None:
        if self._look is not None:
            state = self.tr("taken, quality {percent} %").format(percent=self._percent())
            self.setToolTip(self.tr("Take this picture again"))
        else:
            state = self.tr("asked for now") if self._wanted else self.tr("not taken yet")
            self.setToolTip("")
        self.setAccessibleName(f"{self._label}: {state}")

    def _percent(self) -> int:
        return 0 if self._look is None else round(self._look.quality.score * 100)

    def paintEvent(self, _event: QPaintEvent) -> None:
        theme = look().theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        disc = QRectF(0, 0, DISC_PX, DISC_PX)
        disc.moveCenter(QPointF(self.width() / 2, DISC_PX / 2 + 2))
        edge = theme.success if self.taken else theme.accent if self._wanted else theme.line
        painter.setPen(QPen(QColor(edge), 3 if self.taken or self._wanted else 2))
        painter.setBrush(QColor(theme.surface))
        painter.drawEllipse(disc.adjusted(2, 2, -2, -2))
        if self._picture is not None:
            painter.drawPixmap(disc.topLeft() + QPointF(4, 4), self._picture)
            badge = QRectF(0, 0, BADGE_PX, BADGE_PX)
            badge.moveBottomRight(disc.bottomRight())
            painter.setPen(QPen(QColor(theme.surface), 2))
            painter.setBrush(QColor(theme.success_fill))
            painter.drawEllipse(badge)
            draw_symbol(painter, "check", badge.adjusted(5, 5, -5, -5), colour=theme.on_success)
        else:
            tint = theme.accent if self._wanted else theme.muted
            draw_symbol(painter, self.symbol, disc.adjusted(18, 18, -18, -18), colour=tint)
        self._paint_words(painter, disc)
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme.focus), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)

    def _paint_words(self, painter: QPainter, disc: QRectF) -> None:
        theme = look().theme
        font = QFont(self.font())
        font.setPixelSize(TYPE_PX["small"])
        font.setBold(self._wanted)
        painter.setFont(font)
        line = QRectF(0, disc.bottom() + 4, self.width(), 20)
        painter.setPen(QColor(theme.text if self.taken or self._wanted else theme.muted))
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, self._label)
        if self.taken:
            font.setBold(False)
            painter.setFont(font)
            painter.setPen(QColor(theme.muted))
            line.translate(0, 19)
            painter.drawText(line, Qt.AlignmentFlag.AlignCenter, f"{self._percent()} %")
