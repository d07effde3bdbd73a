"""The kiosk's screens in every theme and size on one picture, to be looked at.

python -m tests.gui.contact_sheet OUT.png [--only WORD]
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QPoint, QSize, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QWidget

from attendance.errors import CameraError, StorageError
from attendance.kiosk import AlreadyStored, DirectionAsked, KioskEvent, NotStored, Refused
from attendance.types import Direction, Frame, Person, Reason, Rejected, TrackedFace
from gui.application import make_application
from gui.crash import CrashDialog
from gui.kiosk_window import KioskWindow
from gui.pin_dialog import AskPinDialog, SetPinDialog
from gui.source_dialog import SourceDialog
from gui.theme import THEMES, apply_look
from inference.status import EngineStatus, SourceState
from storage.rows import PunchRow
from tests.gui.fakes import (
    LIVE,
    MORNING_UTC,
    Fakes,
    done,
    make_accepted,
    make_face,
    make_frame,
    make_punch,
    make_result,
    make_services,
    stored_event,
)

EILEEN = Person("1001", "Eileen Collins", department="Flight")
BARACK = Person("1002", "Barack Obama", department="Office")
LONG_NAME = Person("1003", "Maximiliana Alexandrina Hohenlohe-Waldenburg-Schillingsfürst")
SIZES = (QSize(1024, 600), QSize(1280, 800), QSize(1920, 1080), QSize(1080, 1920))
THUMBNAIL_PX = 620


class Shots(Protocol):
    """Renders every screen whose name holds a word."""

    def __call__(
        self, application: QApplication, *, only: str
    ) -> Iterator[tuple[str, QPixmap]]: ...


@dataclass(frozen=True)
class Scene:
    name: str
    show: Callable[[KioskWindow, Fakes], None]


@dataclass(frozen=True)
class Camera:
    """name: of a camera that is not there."""

    index: int
    name: str


def portrait_frame(*names: str) -> tuple[Frame, tuple[TrackedFace, ...]]:
    """Return a made-up camera picture of these shipped portraits, with its faces found."""
    import cv2
    import numpy as np

    from inference.detect import Detector
    from inference.manifest import read_manifest
    from inference.photo import load_photo
    from inference.portraits import portraits
    from inference.session import open_session

    canvas = np.zeros((480, 640, 3), np.uint8)
    paths = {p.path.stem: p.path for p in portraits()}
    width = 640 // len(names)
    for place, name in enumerate(names):
        photo = load_photo(paths[name])
        scale = max(480 / photo.shape[0], width / photo.shape[1])
        size_wh = (round(photo.shape[1] * scale), round(photo.shape[0] * scale))
        reduced = cv2.resize(photo, size_wh, interpolation=cv2.INTER_AREA)
        left = (reduced.shape[1] - width) // 2
        canvas[:, place * width : (place + 1) * width] = reduced[:480, left : left + width]
    entry = read_manifest().entry("detect", file="blazeface-short.onnx")
    session = open_session(entry, providers=("cpu",), threads=1)
    found = Detector(session, threshold=0.5, max_faces=4).detect(canvas)
    faces = []
    for index, detection in enumerate(sorted(found, key=lambda d: float(d.box_xyxy[0]))):
        x0, y0, x1, y1 = (float(v) for v in detection.box_xyxy)
        faces.append(make_face(index + 1, (x0, y0, x1, y1)))
    return make_frame(7, canvas), tuple(faces)


def scenes() -> Sequence[Scene]:
    one = portrait_frame("collins-1")
    two = portrait_frame("obama-2", "hopper-1")
    stranger = portrait_frame("hopper-1")

    def live(
        shot: tuple[Frame, tuple[TrackedFace, ...]], *events: KioskEvent, progress: float = 0.6
    ) -> Callable[[KioskWindow, Fakes], None]:
        def show(window: KioskWindow, fakes: Fakes) -> None:
            fakes.kiosk.progresses.update({face.track_id: progress for face in shot[1]})
            fakes.engine.frame = shot[0]
            fakes.engine.result = make_result(shot[0], *shot[1])
            window.pump.look()
            for event in events:
                fakes.services.bridge.post_event(event)
            window.video.show_frame(shot[0], window.marks.marks(frame_seq=shot[0].seq))

        return show

    def refused(reason: Reason) -> Refused:
        return Refused(Rejected(1, reason, MORNING_UTC, 0))

    def idle(window: KioskWindow, fakes: Fakes) -> None:
        live(one)(window, fakes)
        fakes.clock.advance(60)
        window._on_tick()

    def lost(window: KioskWindow, fakes: Fakes) -> None:
        window._was_live = True
        error = CameraError("Camera 0 was unplugged.", action="Plug it in again.")
        fakes.services.bridge.post_status(EngineStatus(SourceState.LOST, str(error), error=error))

    def full_disk(window: KioskWindow, fakes: Fakes) -> None:
        error = StorageError("The disk is full.", action="Free some space and tell HR.")
        live(one, NotStored(make_accepted(EILEEN), EILEEN, error))(window, fakes)

    def nobody(window: KioskWindow, fakes: Fakes) -> None:
        fakes.store.persons = ()
        fakes.store.rows = ()
        window._refresh_enrolled()
        window._refresh_punches()
        live(stranger, progress=0.0)(window, fakes)

    already = AlreadyStored(make_punch(EILEEN), EILEEN, make_accepted(EILEEN))
    return (
        Scene("forming", live(one)),
        Scene("welcome", live(one, stored_event(EILEEN))),
        Scene("goodbye", live(two, stored_event(BARACK, Direction.OUT), progress=0.3)),
        Scene("long name", live(one, stored_event(LONG_NAME))),
        Scene("unknown", live(stranger, refused(Reason.UNKNOWN))),
        Scene("already", live(one, already)),
        Scene("come closer", live(stranger, refused(Reason.COME_CLOSER), progress=0.0)),
        Scene("too dark", live(stranger, refused(Reason.TOO_DARK), progress=0.0)),
        Scene("look", live(stranger, refused(Reason.LOOK_AT_CAMERA), progress=0.0)),
        Scene("question", live(one, DirectionAsked(make_accepted(EILEEN), EILEEN))),
        Scene("idle", idle),
        Scene("lost camera", lost),
        Scene("disk full", full_disk),
        Scene("nobody enrolled", nobody),
    )


def make_window(fakes: Fakes) -> KioskWindow:
    fakes.store.worked = timedelta(hours=3, minutes=12)
    people = (EILEEN, BARACK, LONG_NAME, BARACK, EILEEN)
    fakes.store.rows = tuple(
        PunchRow(
            make_punch(
                person,
                Direction.OUT if index % 2 else Direction.IN,
                at_utc=MORNING_UTC - timedelta(minutes=7 * index),
                sequence=9 - index,
            ),
            person.name,
            person.department,
        )
        for index, person in enumerate(people)
    )
    fakes.engine.status = LIVE
    return KioskWindow(fakes.services, cameras=lambda: done((Camera(2, "HD Webcam C270"),)))


def shots(application: QApplication, *, only: str) -> Iterator[tuple[str, QPixmap]]:
    all_scenes = scenes()
    with tempfile.TemporaryDirectory() as folder:
        for theme in THEMES.values():
            apply_look(application, theme=theme, reduce_motion=True)
            for size in SIZES:
                for scene in all_scenes:
                    name = f"{scene.name} · {theme.name} · {size.width()}×{size.height()}"
                    if only and only not in name:
                        continue
                    fakes = make_services(Path(folder), {"kiosk.company": "Sunrise Works"})
                    window = make_window(fakes)
                    window.resize(size)
                    window.show()
                    window.start()
                    settle()
                    scene.show(window, fakes)
                    settle()
                    yield name, window.grab()
                    window.close()
            yield from dialogs(Path(folder), theme_name=theme.name, only=only)


def dialogs(folder: Path, *, theme_name: str, only: str) -> Iterator[tuple[str, QPixmap]]:
    fakes = make_services(folder)
    error = CameraError("There is no camera 0.", action="Plug one in or choose another source.")
    makers: Sequence[tuple[str, Callable[[], QWidget]]] = (
        ("set pin", lambda: SetPinDialog(fakes.services.store)),
        ("ask pin", lambda: AskPinDialog(fakes.services.store)),
        (
            "source",
            lambda: SourceDialog(str(error), cameras=lambda: done((Camera(2, "HD Webcam C270"),))),
        ),
        ("crash", lambda: CrashDialog(ValueError("an example"), log_dir=Path("logs"))),
    )
    for name, make in makers:
        title = f"{name} · {theme_name}"
        if only and only not in title:
            continue
        dialog = make()
        if isinstance(dialog, AskPinDialog):
            dialog.press("1")
            dialog.press("2")
            dialog.say("This PIN is wrong. Try again.")
        dialog.show()
        settle()
        yield title, dialog.grab()
        dialog.close()


def settle() -> None:
    for _ in range(3):
        QCoreApplication.processEvents()


def sheet_of(pictures: Sequence[tuple[str, QPixmap]], *, columns: int) -> QImage:
    """Return all pictures, reduced, with their names, in rows."""
    cell = QSize(THUMBNAIL_PX, round(THUMBNAIL_PX * 0.75))
    rows = -(-len(pictures) // columns)
    sheet = QImage(columns * cell.width(), rows * (cell.height() + 28), QImage.Format.Format_RGB32)
    sheet.fill(QColor("#808080"))
    painter = QPainter(sheet)
    painter.setFont(QFont("DejaVu Sans", 9))
    painter.setPen(QColor("#ffffff"))
    for index, (name, pixmap) in enumerate(pictures):
        corner = QPoint((index % columns) * cell.width(), (index // columns) * (cell.height() + 28))
        shown = pixmap.scaled(
            cell.width() - 12,
            cell.height() - 4,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        painter.drawText(corner + QPoint(6, 18), name)
        painter.drawPixmap(corner + QPoint(6, 24), shown)
    painter.end()
    return sheet


def write_sheet(shots: Shots, *, description: str | None) -> None:
    """Read the command line, render what it asks for and write it."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("out", type=Path, help="the picture to write")
    parser.add_argument("--only", default="", help="only what has this in its name")
    parser.add_argument("--columns", type=int, default=4)
    parser.add_argument("--single", action="store_true", help="also write each screen by itself")
    options = parser.parse_args()
    pictures = list(shots(make_application(), only=options.only))
    if options.single:
        for name, pixmap in pictures:
            file = name.replace(" · ", "-").replace(" ", "_").replace("×", "x")
            pixmap.save(str(options.out.with_name(f"{file}.png")))
    sheet_of(pictures, columns=options.columns).save(str(options.out))


if __name__ == "__main__":
    write_sheet(shots, description=__doc__)
