"""Photos from files instead of the camera, with what became of each."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from attendance.enrolment import pick_single_face
from attendance.errors import KnownError
from attendance.ports import FaceLook
from gui.bridge import on_done
from gui.layouts import clear_layout
from gui.services import Services
from gui.widgets import Button, Card, ElidedText, EmptyState, Symbol, Text, primary_button
from gui.wizard.draft import EnrolmentDraft, PhotoResult
from gui.wizard.pictures import round_crop

PICTURE_PX = 56
PATTERNS = "*.jpg *.jpeg *.png *.webp *.bmp *.tif *.tiff"


class PhotoPanel(QWidget):
    """Reads photos one after another in the engine's thread and lists the results."""

    changed = Signal()
    """A photo was read or taken out."""

    def __init__(self, *, services: Services, draft: EnrolmentDraft) -> None:
        super().__init__()
        self._services = services
        self._draft = draft
        self._waiting: list[Path] = []
        self._reading: Path | None = None
        self.setAcceptDrops(True)
        self.add_button = primary_button(self.tr("Add photos …"), symbol="plus")
        self.add_button.clicked.connect(self._on_add_clicked)
        self.advice = Text(
            self.tr(
                "One person alone, upright, large, well lit and uncovered. "
                "Three to five different photos are best."
            ),
            tone="muted",
            wrap=True,
        )
        self.busy = Text("", "small", tone="muted")
        self._rows = QVBoxLayout()
        self._rows.setSpacing(8)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._empty = EmptyState(
            "picture",
            self.tr("No photos yet"),
            sentence=self.tr("Add photo files, or drop them here."),
        )
        self._build()
        self._show()

    @property
    def busy_reading(self) -> bool:
        return self._reading is not None

    def add_files(self, paths: Sequence[Path]) -> None:
        """Read these photos; each result is added to the draft as it comes."""
        self._waiting.extend(paths)
        self._read_next()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.add_files([Path(u.toLocalFile()) for u in event.mimeData().urls() if u.isLocalFile()])
        event.acceptProposedAction()

    def _build(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(16)
        top.addWidget(self.advice, 1)
        top.addWidget(self.busy)
        top.addWidget(self.add_button)
        holder = QWidget()
        inside = QVBoxLayout(holder)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addLayout(self._rows)
        inside.addWidget(self._empty, 1)
        inside.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidget(holder)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(16)
        column.addLayout(top)
        column.addWidget(scroll, 1)

    def _on_add_clicked(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(
            self,
            self.tr("Photos of {name}").format(name=self._draft.name),
            "",
            self.tr("Photos ({patterns});;All files (*)").format(patterns=PATTERNS),
        )
        self.add_files([Path(name) for name in names])

    def _read_next(self) -> None:
        if self._reading is not None or not self._waiting:
            self._show_busy()
            return
        path = self._reading = self._waiting.pop(0)
        settings = self._draft.settings
        self._show_busy()

        from inference.photo import load_photo

        future = self._services.engine.call(
            lambda pipeline: pick_single_face(
                tuple(pipeline.reader.read(load_photo(path))), name=path.name, settings=settings
            )
        )

        def taken(look: FaceLook) -> None:
            self._add(PhotoResult(path.name, look=look))

        def refused(error: KnownError) -> None:
            self._add(PhotoResult(path.name, problem=str(error)))

        on_done(future, taken, refused, owner=self)

    def _add(self, result: PhotoResult) -> None:
        self._reading = None
        self._draft.photos.append(result)
        self._show()
        self.changed.emit()
        self._read_next()

    def _on_removed(self, result: PhotoResult) -> None:
        self._draft.photos[:] = [photo for photo in self._draft.photos if photo is not result]
        self._show()
        self.changed.emit()

    def _show_busy(self) -> None:
        left = len(self._waiting) + (self._reading is not None)
        self.busy.setText(self.tr("reading, {count} left …").format(count=left) if left else "")

    def _show(self) -> None:
        clear_layout(self._rows)
        for result in self._draft.photos:
            self._rows.addWidget(self._row(result))
        self._empty.setVisible(not self._draft.photos)

    def _row(self, result: PhotoResult) -> QWidget:
        card = Card()
        row = QHBoxLayout(card)
        row.setContentsMargins(16, 8, 8, 8)
        row.setSpacing(16)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(ElidedText(result.name, strong=True))
        if result.look is not None:
            picture = QLabel()
            picture.setFixedSize(PICTURE_PX, PICTURE_PX)
            picture.setPixmap(
                round_crop(
                    result.look.crop, PICTURE_PX, mirror=False, ratio=self.devicePixelRatioF()
                )
            )
            row.addWidget(picture)
            percent = round(result.look.quality.score * 100)
            good = self.tr("Taken, quality {percent} %").format(percent=percent)
            words.addWidget(Text(good, tone="success"))
            mark = Symbol("check", 28, tint="on_success", disc="success_fill")
        else:
            row.addWidget(Symbol("picture", PICTURE_PX, tint="muted", disc="raised"))
            words.addWidget(Text(result.problem, tone="danger", wrap=True))
            mark = Symbol("cross", 28, tint="on_danger", disc="danger_fill")
        row.addLayout(words, 1)
        row.addWidget(mark)
        remove = Button("", kind="plain", symbol="close")
        remove.setAccessibleName(self.tr("Take out {name}").format(name=result.name))
        remove.setToolTip(self.tr("Take out"))
        remove.clicked.connect(lambda: self._on_removed(result))
        row.addWidget(remove, 0, Qt.AlignmentFlag.AlignVCenter)
        return card
