"""The settings page."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from attendance.clocking import DirectionMode
from attendance.errors import ConfigError, StorageError
from gui.desk.settings_page import SettingsPage
from tests.gui.desk.hands import click
from tests.gui.desk.scene import Scene
from tests.gui.fakes import done, failed


@dataclass(frozen=True)
class Camera:
    index: int
    name: str


CAMERAS: Sequence[Camera] = (Camera(0, "Built in"), Camera(2, "HD Webcam"))


@pytest.fixture
def page(qtbot: QtBot, scene: Scene) -> SettingsPage:
    made = SettingsPage(scene.fakes.services, cameras=lambda: done(CAMERAS))
    qtbot.addWidget(made)
    made.resize(900, 700)
    made.show()
    made.enter()
    qtbot.waitUntil(lambda: made.camera.count() == 2)
    return made


def save(qtbot: QtBot, page: SettingsPage) -> None:
    click(page.save_button)


def test_nothing_changed_means_nothing_to_save(page: SettingsPage) -> None:
    assert page.changes() == {}
    assert not page.save_button.isEnabled()
    assert not page.discard_button.isEnabled()


def test_only_what_differs_is_saved(qtbot: QtBot, page: SettingsPage, scene: Scene) -> None:
    page.company.setText("Sunrise Works")
    page.cooldown.setValue(90)
    page.direction.setCurrentIndex(page.direction.findData("ask"))
    save(qtbot, page)
    assert scene.fakes.saved == [
        {"kiosk.company": "Sunrise Works", "kiosk.cooldown_s": 90.0, "kiosk.direction": "ask"}
    ]
    assert scene.fakes.kiosk.rules[-1].mode is DirectionMode.ASK
    assert page.changes() == {}
    assert "saved" in page.message.title.text()


def test_every_window_is_told_of_the_new_settings(
    qtbot: QtBot, page: SettingsPage, scene: Scene
) -> None:
    page.theme.setCurrentIndex(page.theme.findData("dark"))
    with qtbot.waitSignal(scene.fakes.services.bridge.settings_changed) as told:
        save(qtbot, page)
    assert told.args[0].look.theme == "dark"


def test_another_camera_is_opened(qtbot: QtBot, page: SettingsPage, scene: Scene) -> None:
    page.camera.setCurrentIndex(page.camera.findData("2"))
    save(qtbot, page)
    assert scene.fakes.saved == [{"source.address": "2"}]
    assert len(scene.engine.source_factories) == 1


def test_an_address_can_be_typed(qtbot: QtBot, page: SettingsPage, scene: Scene) -> None:
    page.camera.setEditText("rtsp://door/stream")
    save(qtbot, page)
    assert scene.fakes.services.settings.source.address == "rtsp://door/stream"


@pytest.mark.parametrize("key", ["kiosk.name", "source.address"])
def test_what_cannot_stay_empty_says_so(page: SettingsPage, key: str) -> None:
    page.name.setText("" if key == "kiosk.name" else "Door")
    if key == "source.address":
        page.camera.setEditText("")
    assert page.fields[key].problem
    assert not page.save_button.isEnabled()


def test_an_error_of_the_settings_is_shown_at_its_field(
    qtbot: QtBot, page: SettingsPage, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_values: object) -> Any:
        raise ConfigError("The setting «kiosk.company» is «x», but it must not.", action="Ask.")

    scene.fakes.services.save_settings = refuse
    page.company.setText("x")
    save(qtbot, page)
    assert "must not" in page.fields["kiosk.company"].problem
    assert page.company.text() == "x"


def test_a_file_that_cannot_be_written_is_told(
    qtbot: QtBot, page: SettingsPage, scene: Scene
) -> None:
    def full(_values: object) -> Any:
        raise StorageError("The disk is full.", action="Free some space.")

    scene.fakes.services.save_settings = full
    page.company.setText("x")
    save(qtbot, page)
    assert "disk is full" in page.message.sentence.text()
    assert page.changes() == {"kiosk.company": "x"}


def test_changes_can_be_discarded(qtbot: QtBot, page: SettingsPage) -> None:
    page.name.setText("")
    click(page.discard_button)
    assert page.name.text() == "Reception"
    assert not page.fields["kiosk.name"].problem


def test_changes_survive_a_look_at_another_page(page: SettingsPage) -> None:
    page.company.setText("Half typed")
    page.enter()
    assert page.company.text() == "Half typed"


def test_no_camera_is_told(qtbot: QtBot, scene: Scene) -> None:
    made = SettingsPage(scene.fakes.services, cameras=lambda: done(()))
    qtbot.addWidget(made)
    made.enter()
    field = made.fields["source.address"]
    qtbot.waitUntil(lambda: "No camera found" in field.sentence.text())
    assert made.changes() == {}


def test_a_search_for_cameras_that_fails_can_be_repeated(qtbot: QtBot, scene: Scene) -> None:
    def broken() -> "Future[Any]":
        return failed(StorageError("No permission for video devices."))

    made = SettingsPage(scene.fakes.services, cameras=broken)
    qtbot.addWidget(made)
    made.enter()
    qtbot.waitUntil(lambda: "No permission" in made.fields["source.address"].sentence.text())
    assert made.search_button.isEnabled()


def test_what_runs_is_shown(page: SettingsPage, scene: Scene) -> None:
    from gui.widgets import Text

    words = [label.text() for label in page.findChildren(Text)]
    assert "MobileFaceNet int8, CPU, 2 threads" in words
    assert "Europe/Berlin" in words
    assert scene.store.device_id in words
