"""No camera: choose another source, wait for one, or play the demo."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from enum import StrEnum
from typing import Protocol

from PySide6.QtCore import Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QDialog, QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from gui.bridge import in_background, on_done
from gui.theme import TOUCH_PX, look, style_sheet
from gui.widgets import Button, Symbol, Text, fit_height, primary_button

VIDEO_FILES = "*.mp4 *.mkv *.avi *.mov *.webm *.m4v"
PICTURE_FILES = "*.jpg *.jpeg *.png *.bmp *.webp *.tif *.tiff"
STREAM_SCHEMES = ("rtsp://", "rtsps://", "http://", "https://")


class CameraChoice(Protocol):
    """A camera that was found (inference.sources.CameraInfo)."""

    @property
    def index(self) -> int: ...
    @property
    def name(self) -> str: ...


ListCameras = Callable[[], "Future[Sequence[CameraChoice]]"]


class Choice(StrEnum):
    NONE = "none"
    WAIT = "wait"
    SOURCE = "source"
    DEMO = "demo"


def find_cameras() -> "Future[Sequence[CameraChoice]]":
    """Look for cameras in a thread of its own; that may take seconds."""

    def work() -> Sequence[CameraChoice]:
        from inference.sources import list_cameras

        return list_cameras()

    return in_background(work, name="clockface-list-cameras")


class SourceDialog(QDialog):
    """source_chosen: the address to use. The dialog's `choice` says how it was left."""

    source_chosen = Signal(str)

    def __init__(
        self,
        reason: str,
        *,
        cameras: ListCameras = find_cameras,
        offer_demo: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setModal(True)
        self.setWindowTitle(self.tr("No picture"))
        self.choice = Choice.NONE
        self._cameras = cameras
        self.reason = Text(reason, wrap=True)
        self.found = Text(self.tr("Looking for cameras …"), tone="muted", wrap=True)
        self.problem = Text(tone="danger", wrap=True)
        self.camera_buttons: list[Button] = []
        self._camera_column = QVBoxLayout()
        self._camera_column.setSpacing(8)
        self.again_button = Button(self.tr("Search again"), kind="plain", symbol="refresh")
        self.video_button = Button(self.tr("Video file …"), symbol="film")
        self.folder_button = Button(self.tr("Folder of pictures …"), symbol="folder")
        self.address = QLineEdit()
        self.address.setPlaceholderText("rtsp://camera/stream")
        self.address.setAccessibleName(self.tr("Address of a network stream"))
        self.stream_button = Button(self.tr("Use stream"), symbol="stream")
        self.demo_button = Button(self.tr("Play the demo"), symbol="play")
        self.demo_button.setVisible(offer_demo)
        self.wait_button = primary_button(self.tr("Wait for the camera"), symbol="hourglass")
        self._lay_out()
        self.again_button.clicked.connect(self._look_for_cameras)
        self.video_button.clicked.connect(self._on_video)
        self.folder_button.clicked.connect(self._on_folder)
        self.stream_button.clicked.connect(self._on_stream)
        self.address.returnPressed.connect(self._on_stream)
        self.demo_button.clicked.connect(self._on_demo)
        self.wait_button.clicked.connect(self._on_wait)
        for button in self.findChildren(Button):
            button.setAutoDefault(False)
        self.setStyleSheet(style_sheet(look().theme, target_px=TOUCH_PX - 8))
        self.setMinimumWidth(560)
        self.resize(560, self.height())
        self._look_for_cameras()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        fit_height(self)
        self.wait_button.setFocus()

    def _lay_out(self) -> None:
        heading = QHBoxLayout()
        heading.setSpacing(16)
        heading.addWidget(Symbol("camera-off", 48, tint="danger"))
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(Text(self.tr("Where should the picture come from?"), "large", strong=True))
        words.addWidget(self.reason)
        heading.addLayout(words, 1)
        found = QHBoxLayout()
        found.addWidget(self.found, 1)
        found.addWidget(self.again_button)
        files = QHBoxLayout()
        files.setSpacing(8)
        files.addWidget(self.video_button)
        files.addWidget(self.folder_button)
        stream = QHBoxLayout()
        stream.setSpacing(8)
        stream.addWidget(self.address, 1)
        stream.addWidget(self.stream_button)
        end = QHBoxLayout()
        end.setSpacing(8)
        end.addWidget(self.demo_button)
        end.addStretch(1)
        end.addWidget(self.wait_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(12)
        column.addLayout(heading)
        column.addLayout(found)
        column.addLayout(self._camera_column)
        column.addLayout(files)
        column.addLayout(stream)
        column.addWidget(self.problem)
        column.addSpacing(8)
        column.addLayout(end)
        self.problem.hide()

    def _look_for_cameras(self) -> None:
        self.found.setText(self.tr("Looking for cameras …"))
        self.again_button.setEnabled(False)
        on_done(self._cameras(), self._on_cameras, owner=self)

    def _on_cameras(self, cameras: Sequence[CameraChoice]) -> None:
        self.again_button.setEnabled(True)
        for button in self.camera_buttons:
            button.deleteLater()
        self.camera_buttons = []
        for camera in cameras:
            name = camera.name or self.tr("Camera {index}").format(index=camera.index)
            button = Button(name, symbol="camera")
            button.setAutoDefault(False)
            address = str(camera.index)
            button.clicked.connect(lambda _=False, address=address: self._use(address))
            self._camera_column.addWidget(button)
            button.show()  # now, so that the height reckons with it
            self.camera_buttons.append(button)
        self.found.setText(
            self.tr("Cameras of this computer:")
            if cameras
            else self.tr("This computer has no camera. Plug one in, or choose below.")
        )
        fit_height(self)

    def _on_video(self) -> None:
        dialog_filter = self.tr("Videos and pictures") + f" ({VIDEO_FILES} {PICTURE_FILES})"
        path, _ = QFileDialog.getOpenFileName(self, self.tr("Video file"), "", dialog_filter)
        if path:
            self._use(path)

    def _on_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, self.tr("Folder of pictures"))
        if path:
            self._use(path)

    def _on_stream(self) -> None:
        address = self.address.text().strip()
        if not address.lower().startswith(STREAM_SCHEMES):
            self.problem.setText(
                self.tr("A stream's address begins with {schemes}.").format(
                    schemes=", ".join(STREAM_SCHEMES)
                )
            )
            self.problem.show()
            fit_height(self)
            return
        self._use(address)

    def _use(self, address: str) -> None:
        self.choice = Choice.SOURCE
        self.source_chosen.emit(address)
        self.accept()

    def _on_demo(self) -> None:
        self.choice = Choice.DEMO
        self.accept()

    def _on_wait(self) -> None:
        self.choice = Choice.WAIT
        self.accept()
