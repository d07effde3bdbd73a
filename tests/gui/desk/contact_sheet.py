"""The wizard's and the desk's screens in both themes and two sizes on one picture.

python -m tests.gui.desk.contact_sheet OUT.png [--only WORD] [--single]
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QSize
from PySide6.QtGui import QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from attendance.enrolment import VIEW_RANGES
from attendance.errors import CameraError
from attendance.types import (
    BgrImage,
    FrameResult,
    Match,
    Person,
    PersonState,
    QualityFlag,
    TrackedFace,
)
from gui.desk.desk_window import DeskWindow
from gui.desk.questions import deactivate_question, erase_question
from gui.theme import THEMES, apply_look
from gui.wizard.draft import PhotoResult
from gui.wizard.enrolment_wizard import EnrolmentWizard
from inference.status import EngineStatus, SourceState
from storage.store import Store
from tests.gui.contact_sheet import Camera, portrait_frame, write_sheet
from tests.gui.desk.scene import (
    LONG,
    Look,
    Scene,
    add_people,
    add_punches,
    gallery_of,
    make_look,
    make_scene,
)
from tests.gui.fakes import FakeClock, done

SIZES = (QSize(1024, 600), QSize(1920, 1080))
EILEEN = Person("A-17", "Eileen Collins", department="Flight", shift="Early")


@dataclass(frozen=True)
class Shot:
    name: str
    make: Callable[[Scene], QWidget]


@dataclass(frozen=True)
class Picture:
    """A made-up camera picture and the crop of the face on it."""

    bgr: BgrImage
    crop_bgr: BgrImage
    face: TrackedFace


def picture_of(portrait: str) -> Picture:
    import cv2

    frame, faces = portrait_frame(portrait)
    x0, y0, x1, y1 = (round(float(v)) for v in faces[0].face.box_xyxy)
    side = (x1 - x0) // 8
    part = frame.bgr[max(0, y0 - side) : y1 + side, max(0, x0) : x1]
    crop_bgr = np.asarray(cv2.resize(part, (96, 112)), np.uint8)
    return Picture(frame.bgr, crop_bgr, faces[0])


def look_for(view: str, picture: Picture, *, score: float) -> Look:
    ranges = VIEW_RANGES[view]
    return make_look(
        7,
        yaw_deg=sum(ranges.yaw_deg) / 2,
        pitch_deg=sum(ranges.pitch_deg) / 2,
        score=score,
        crop_bgr=picture.crop_bgr,
    )


def wait(ms: int = 160) -> None:
    QTest.qWait(ms)


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(300):
        if condition():
            return
        QTest.qWait(10)
    raise RuntimeError("it never happens")


def wizard_for(scene: Scene, size: QSize, person: Person | None = None) -> EnrolmentWizard:
    wizard = EnrolmentWizard(scene.fakes.services, None, person)
    wizard.resize(size)
    wizard.show()
    wait()
    return wizard


def fill_details(wizard: EnrolmentWizard, person: Person = EILEEN) -> None:
    if wizard.draft.known is None:
        for editor, text in (
            (wizard.details.staff_id, person.staff_id),
            (wizard.details.name, person.name),
            (wizard.details.department, person.department),
            (wizard.details.shift, person.shift),
        ):
            editor.setText(text)
            editor.textEdited.emit(text)
    wait(400)


def go_on(wizard: EnrolmentWizard) -> None:
    """Press Next, and wait until what the page has to ask for is there."""
    before = wizard.currentPage()
    before_id = wizard.currentId()
    wait_for(before.isComplete)
    wizard.next()
    wait_for(lambda: wizard.currentId() != before_id)
    wait()


def to_consent(wizard: EnrolmentWizard, person: Person = EILEEN) -> None:
    fill_details(wizard, person)
    go_on(wizard)
    wizard.consent.agreed.setChecked(True)


def to_capture(wizard: EnrolmentWizard, person: Person = EILEEN) -> None:
    to_consent(wizard, person)
    go_on(wizard)


def take(wizard: EnrolmentWizard, picture: Picture, views: Sequence[str]) -> None:
    for number, view in enumerate(views):
        wizard.draft.session.offer(look_for(view, picture, score=0.93 - number * 0.06))
    wizard.capture.enter()
    wizard.capture.completeChanged.emit()


def wizard_shots(size: QSize, picture: Picture) -> Sequence[Shot]:
    views = tuple(VIEW_RANGES)

    def details_empty(scene: Scene) -> QWidget:
        return wizard_for(scene, size)

    def details_bad(scene: Scene) -> QWidget:
        wizard = wizard_for(scene, size)
        fill_details(wizard, Person("A-01", "Eileen \u202eCollins", "Flight"))
        return wizard

    def details_again(scene: Scene) -> QWidget:
        person = scene.store.person("A-02").result()
        return wizard_for(scene, size, person)

    def consent(scene: Scene) -> QWidget:
        wizard = wizard_for(scene, size)
        to_consent(wizard)
        return wizard

    def capture(scene: Scene, taken: int, look: Look | None) -> EnrolmentWizard:
        wizard = wizard_for(scene, size)
        to_capture(wizard)
        take(wizard, picture, views[:taken])
        for _ in range(4):
            scene.engine.show(*([look] if look else []), bgr=picture.bgr)
            wait()
        return wizard

    def capture_first(scene: Scene) -> QWidget:
        return capture(scene, 0, look_for("left", picture, score=0.7))

    def capture_dark(scene: Scene) -> QWidget:
        look = make_look(7, flags=(QualityFlag.TOO_DARK,), score=0.12)
        return capture(scene, 2, look)

    def capture_held(scene: Scene) -> QWidget:
        wizard = capture(scene, 3, None)
        for _ in range(4):
            scene.engine.show(look_for("up", picture, score=0.8), bgr=picture.bgr)
            wait(110)
        return wizard

    def capture_done(scene: Scene) -> QWidget:
        return capture(scene, 5, look_for("front", picture, score=0.9))

    def capture_lost(scene: Scene) -> QWidget:
        error = CameraError("There is no camera 0.", action="Plug one in.")
        scene.engine.status = EngineStatus(SourceState.LOST, str(error), error=error)
        wizard = wizard_for(scene, size)
        to_capture(wizard)
        wait(600)
        return wizard

    def photos(scene: Scene, *, empty: bool) -> QWidget:
        wizard = wizard_for(scene, size)
        to_capture(wizard)
        if not empty:
            good = look_for("front", picture, score=0.88)
            wizard.draft.photos += [
                PhotoResult("eileen-portrait.jpg", look=good),
                PhotoResult(
                    "team-outing-2026-with-a-rather-long-file-name-that-goes-on-and-on.jpg",
                    problem="«team-outing…» shows 4 faces. "
                    "Use a photo of this person alone, or cut the others off.",
                ),
                PhotoResult(
                    "scan.tif", problem="No face was found in «scan.tif». Use another photo."
                ),
            ]
        wizard.capture.photos._show()
        wizard.capture.photos_chip.setChecked(True)
        wizard.capture.completeChanged.emit()
        return wizard

    def review(scene: Scene, person: Person = EILEEN) -> EnrolmentWizard:
        wizard = wizard_for(scene, size)
        to_capture(wizard, person)
        take(wizard, picture, views)
        scene.engine.show(bgr=picture.bgr)
        go_on(wizard)
        return wizard

    def review_twin(scene: Scene) -> QWidget:
        scene.engine.given.gallery = gallery_of({"A-03": 7, "A-02": 9})
        return review(scene)

    def review_long(scene: Scene) -> QWidget:
        long = Person("Z-99", LONG, department="Research and development " * 6, shift="Night")
        return review(scene, long)

    def try_it(scene: Scene, *, accepted: bool) -> QWidget:
        wizard = review(scene)
        go_on(wizard)
        for _ in range(30 if accepted else 4):
            frame = scene.engine.show(bgr=picture.bgr)
            match = Match("A-17" if accepted else None, 0.78, 0.1, 0.5, nearest_id="A-17")
            face = picture.face
            tracked = TrackedFace(1, face.face, face.quality, match=match)
            scene.engine.result = FrameResult(frame, (tracked,))
            wait(40)
        return wizard

    return (
        Shot("wizard details empty", details_empty),
        Shot("wizard details bad", details_bad),
        Shot("wizard details again", details_again),
        Shot("wizard consent", consent),
        Shot("wizard capture first", capture_first),
        Shot("wizard capture refused", capture_dark),
        Shot("wizard capture held", capture_held),
        Shot("wizard capture done", capture_done),
        Shot("wizard capture no camera", capture_lost),
        Shot("wizard photos empty", lambda scene: photos(scene, empty=True)),
        Shot("wizard photos", lambda scene: photos(scene, empty=False)),
        Shot("wizard review", review),
        Shot("wizard review twin", review_twin),
        Shot("wizard review long", review_long),
        Shot("wizard try", lambda scene: try_it(scene, accepted=False)),
        Shot("wizard try tick", lambda scene: try_it(scene, accepted=True)),
    )


def desk_shots(size: QSize) -> Sequence[Shot]:
    def desk(scene: Scene, page: int) -> DeskWindow:
        window = DeskWindow(scene.fakes.services)
        window.settings._find_cameras = lambda: done(
            (Camera(0, "Integrated camera"), Camera(2, "HD Webcam C270"))
        )
        window.resize(size)
        window.show()
        window.show_page(page)
        wait()
        return window

    def people(scene: Scene) -> QWidget:
        window = desk(scene, 0)
        window.people.table.select_row(1)
        return window

    def people_search(scene: Scene) -> QWidget:
        window = desk(scene, 0)
        window.people.search.setText("kitchen nobody")
        wait(400)
        return window

    def empty(scene: Scene, page: int) -> QWidget:
        emptied = Store.open(scene.store.data_dir / "empty", clock=FakeClock())
        scene.fakes.services.store = emptied
        window = desk(scene, page)
        window.destroyed.connect(lambda _gone: emptied.close())
        return window

    def people_erased(scene: Scene) -> QWidget:
        window = desk(scene, 0)
        window.people.chips[PersonState.ERASED].setChecked(True)
        wait()
        window.people.tell("The templates of José Ñúñez are erased")
        return window

    def people_edit(scene: Scene) -> QWidget:
        window = desk(scene, 0)
        window.people.table.select_row(4)
        window.people._on_edit()
        wait()
        dialog = window.people.findChildren(QWidget, "")
        return next(w for w in dialog if type(w).__name__ == "PersonDialog")

    def ask(scene: Scene, *, erase: bool) -> QWidget:
        window = desk(scene, 0)
        person = Person("B-11", LONG)
        if erase:
            return erase_question(person, template_count=5, parent=window)
        return deactivate_question(person, parent=window)

    def punches(scene: Scene) -> QWidget:
        window = desk(scene, 1)
        window.punches.table.select_row(2)
        return window

    def punches_exported(scene: Scene) -> QWidget:
        window = desk(scene, 1)
        window.punches.tell(
            "1,204 punches are exported",
            "/home/hr/Documents/punches-2026-11-01-to-2026-11-24.csv",
            stays=True,
        )
        window.punches.search.setText("log")
        wait(400)
        return window

    def settings(scene: Scene) -> QWidget:
        return desk(scene, 2)

    def settings_changed(scene: Scene) -> QWidget:
        window = desk(scene, 2)
        window.settings.name.setText("")
        window.settings.theme.setCurrentIndex(2)
        return window

    return (
        Shot("desk people", people),
        Shot("desk people erased", people_erased),
        Shot("desk people none found", people_search),
        Shot("desk people nobody", lambda scene: empty(scene, 0)),
        Shot("desk person edit", people_edit),
        Shot("desk erase", lambda scene: ask(scene, erase=True)),
        Shot("desk deactivate", lambda scene: ask(scene, erase=False)),
        Shot("desk punches", punches),
        Shot("desk punches exported", punches_exported),
        Shot("desk punches none", lambda scene: empty(scene, 1)),
        Shot("desk settings", settings),
        Shot("desk settings changed", settings_changed),
    )


def shots(application: QApplication, *, only: str) -> Iterator[tuple[str, QPixmap]]:
    picture = picture_of("collins-1")
    for theme in THEMES.values():
        apply_look(application, theme=theme, reduce_motion=True)
        for size in SIZES:
            for shot in (*wizard_shots(size, picture), *desk_shots(size)):
                name = f"{shot.name} · {theme.name} · {size.width()}×{size.height()}"
                if only and only not in name:
                    continue
                yield name, render(shot)


def render(shot: Shot) -> QPixmap:
    values = {"kiosk.company": "Sunrise Works", "inference.precision": "int8"}
    with tempfile.TemporaryDirectory() as folder:
        scene = make_scene(Path(folder), values)
        add_people(scene)
        add_punches(scene, days=20)
        scene.store.set_state("C-21", PersonState.INACTIVE, operator="test").result()
        scene.store.erase("B-14", operator="test").result()
        store = scene.store
        widget = shot.make(scene)
        widget.show()
        wait()
        pixmap = widget.grab()
        if isinstance(widget, EnrolmentWizard):
            widget.done(0)
        window = widget.window()
        widget.close()
        window.close()
        for top in QApplication.topLevelWidgets():
            top.deleteLater()
        wait(30)
        scene.store = store
        scene.close()
    return pixmap


if __name__ == "__main__":
    write_sheet(shots, description=__doc__)
