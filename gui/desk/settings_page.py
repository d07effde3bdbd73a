"""The settings an operator changes, and what runs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from attendance.config import KEYS, Settings, flatten
from attendance.errors import ConfigError, KnownError
from gui.bridge import on_done
from gui.desk.desk_page import DeskPage
from gui.form_field import FormField
from gui.layouts import scrolled
from gui.services import Services
from gui.source_dialog import CameraChoice, ListCameras, find_cameras
from gui.widgets import Button, Card, Text, primary_button
from gui.wizard.step_page import READABLE_PX


class SettingsPage(DeskPage):
    """Fields are checked as they change; Save writes what differs. Owned by the GUI thread."""

    def __init__(self, services: Services, *, cameras: ListCameras = find_cameras) -> None:
        super().__init__(services)
        self._find_cameras = cameras
        self._cameras_asked = False
        self._filling = False
        self.save_button = primary_button(self.tr("Save"), symbol="check")
        self.discard_button = Button(self.tr("Discard changes"))
        self.set_title(self.tr("Settings"), self.discard_button, self.save_button)
        self.name = QLineEdit()
        self.company = QLineEdit()
        self.direction = _combo(
            (
                ("alternate", self.tr("In and out in turn")),
                ("in", self.tr("Always in")),
                ("out", self.tr("Always out")),
                ("ask", self.tr("Ask on the screen")),
            )
        )
        self.cooldown = QSpinBox()
        self.cooldown.setRange(0, int(KEYS["kiosk.cooldown_s"].high or 86_400))
        self.cooldown.lineEdit().setTextMargins(8, 0, 8, 0)
        self.cooldown.setSuffix(self.tr(" s"))
        self.camera = QComboBox()
        self.camera.setEditable(True)
        self.camera.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.camera.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.theme = _combo(
            (
                ("system", self.tr("As the computer")),
                ("light", self.tr("Light")),
                ("dark", self.tr("Dark")),
                ("contrast", self.tr("High contrast")),
            )
        )
        self.reduce_motion = QCheckBox(self.tr("No motion on the screen"))
        self.mirror = QCheckBox(self.tr("Show the live picture as a mirror does"))
        self.sound = QCheckBox(self.tr("Short sounds"))
        self.search_button = Button(self.tr("Search again"), symbol="refresh")
        self.fields = self._make_fields()
        self._readers = self._make_readers()
        self._build()
        self._connect()
        self._fill(services.settings)

    def enter(self) -> None:
        if not self.changes():
            self._fill(self.services.settings)
        if not self._cameras_asked:
            self._search_cameras()

    def changes(self) -> Mapping[str, Any]:
        """Return the dotted keys whose field differs from the settings in use."""
        present = flatten(self.services.settings)
        read = {key: reader() for key, reader in self._readers.items()}
        return {key: value for key, value in read.items() if value != present[key]}

    def save(self) -> None:
        """Write the changes and put them to use; what is wrong is said at its field."""
        changes = dict(self.changes())
        address = changes.pop("source.address", None)
        try:
            if changes:
                self.services.change_settings(changes)
            if address is not None:
                self.services.use_source(str(address))
        except ConfigError as error:
            self._show_config_error(error)
            return
        except KnownError as error:
            self.tell_error(self.tr("The settings were not saved"), error)
            return
        self._fill(self.services.settings)
        self.tell(self.tr("The settings are saved"))

    # What the page is made of

    def _make_fields(self) -> dict[str, FormField]:
        return {
            "kiosk.name": FormField(
                self.tr("Name of this kiosk"),
                self.name,
                help_text=self.tr("On the screen, for example «Reception»."),
            ),
            "kiosk.company": FormField(
                self.tr("Company"), self.company, help_text=self.tr("On the idle screen.")
            ),
            "kiosk.direction": FormField(
                self.tr("Direction of a punch"),
                self.direction,
                help_text=self.tr("In turn begins with in every workday."),
            ),
            "kiosk.cooldown_s": FormField(
                self.tr("No second punch within"),
                self.cooldown,
                help_text=self.tr("A second one is answered, but not stored."),
            ),
            "source.address": FormField(
                self.tr("Camera"),
                self.camera,
                help_text=self.tr("Or a video file, a folder of pictures, an rtsp:// address."),
            ),
            "look.theme": FormField(self.tr("Colours"), self.theme),
        }

    def _make_readers(self) -> dict[str, Callable[[], Any]]:
        return {
            "kiosk.name": lambda: self.name.text().strip(),
            "kiosk.company": lambda: self.company.text().strip(),
            "kiosk.direction": self.direction.currentData,
            "kiosk.cooldown_s": lambda: float(self.cooldown.value()),
            "source.address": self._address,
            "look.theme": self.theme.currentData,
            "look.reduce_motion": self.reduce_motion.isChecked,
            "kiosk.mirror": self.mirror.isChecked,
            "kiosk.sound": self.sound.isChecked,
        }

    def _build(self) -> None:
        kiosk_card, kiosk = _card(self.tr("Kiosk"))
        pairs = QGridLayout()
        pairs.setHorizontalSpacing(24)
        pairs.setVerticalSpacing(12)
        for place, key in enumerate(
            ("kiosk.name", "kiosk.company", "kiosk.direction", "kiosk.cooldown_s")
        ):
            pairs.addWidget(self.fields[key], place // 2, place % 2, Qt.AlignmentFlag.AlignTop)
        pairs.setColumnStretch(0, 1)
        pairs.setColumnStretch(1, 1)
        kiosk.addLayout(pairs)
        camera_card, camera = _card(self.tr("Camera"))
        camera_row = QHBoxLayout()
        camera_row.setSpacing(8)
        camera_row.addWidget(self.fields["source.address"], 1)
        below_label = QVBoxLayout()
        below_label.setContentsMargins(0, 24, 0, 0)
        below_label.addWidget(self.search_button)
        below_label.addStretch(1)
        camera_row.addLayout(below_label)
        camera.addLayout(camera_row)
        camera.addWidget(self.mirror)
        look_card, appearance = _card(self.tr("Look and sound"))
        appearance.addWidget(self.fields["look.theme"])
        appearance.addWidget(self.reduce_motion)
        appearance.addWidget(self.sound)
        holder = QWidget()
        holder.setMaximumWidth(READABLE_PX)
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(16)
        for card in (kiosk_card, camera_card, look_card, self._what_runs()):
            column.addWidget(card)
        column.addStretch(1)
        self.body.addWidget(scrolled(holder), 1)

    def _what_runs(self) -> Card:
        card, runs = _card(self.tr("What runs here"))
        settings = self.services.settings
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        recognition = settings.recognition
        rows = (
            (self.tr("Network"), self.services.model_summary or "–"),
            (
                self.tr("Providers asked for"),
                ", ".join(settings.inference.providers),
            ),
            (
                self.tr("Chance that a look at a stranger passes"),
                f"{recognition.false_accept_per_look:g}",
            ),
            (
                self.tr("Looks that must agree"),
                self.tr("at least {count} within {seconds} s").format(
                    count=recognition.min_looks, seconds=f"{recognition.window_s:g}"
                ),
            ),
            (self.tr("Time zone"), self.services.zone.key),
            (self.tr("Data"), str(self.services.data_dir)),
            (self.tr("Device id"), self.services.store.device_id),
        )
        for number, (label, value) in enumerate(rows):
            words = Text(value, wrap=True)
            words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            grid.addWidget(Text(label, tone="muted"), number, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(words, number, 1)
        runs.addLayout(grid)
        return card

    def _connect(self) -> None:
        for line in (self.name, self.company):
            line.textChanged.connect(self._on_changed)
        for combo in (self.direction, self.theme):
            combo.currentIndexChanged.connect(self._on_changed)
        self.camera.currentTextChanged.connect(self._on_changed)
        self.cooldown.valueChanged.connect(self._on_changed)
        for box in (self.reduce_motion, self.mirror, self.sound):
            box.toggled.connect(self._on_changed)
        self.save_button.clicked.connect(self.save)
        self.discard_button.clicked.connect(lambda: self._fill(self.services.settings))
        self.search_button.clicked.connect(self._search_cameras)

    # What is shown

    def _fill(self, settings: Settings) -> None:
        self._filling = True
        self.name.setText(settings.kiosk.name)
        self.company.setText(settings.kiosk.company)
        self.direction.setCurrentIndex(self.direction.findData(settings.kiosk.direction))
        self.cooldown.setValue(round(settings.kiosk.cooldown_s))
        self._set_address(settings.source.address)
        self.theme.setCurrentIndex(self.theme.findData(settings.look.theme))
        self.reduce_motion.setChecked(settings.look.reduce_motion)
        self.mirror.setChecked(settings.kiosk.mirror)
        self.sound.setChecked(settings.kiosk.sound)
        self._filling = False
        self._on_changed()

    def _on_changed(self, *_value: object) -> None:
        if self._filling:
            return
        changes = self.changes()
        for key, field in self.fields.items():
            field.set_problem(self._problem(key, changes[key]) if key in changes else "")
        broken = any(field.problem for field in self.fields.values())
        self.save_button.setEnabled(bool(changes) and not broken)
        self.discard_button.setEnabled(bool(changes))

    def _problem(self, key: str, value: object) -> str:
        if key in ("kiosk.name", "source.address") and not value:
            return self.tr("This cannot stay empty.")
        try:
            self.services.settings.with_values({key: value}, origin=self.tr("this page"))
        except ConfigError as error:
            return str(error)
        return ""

    def _show_config_error(self, error: ConfigError) -> None:
        for key, field in self.fields.items():
            if f"«{key}»" in error.message:
                field.set_problem(str(error))
                field.editor.setFocus()
                return
        self.tell_error(self.tr("The settings were not saved"), error)

    # The cameras

    def _address(self) -> str:
        text = self.camera.currentText().strip()
        place = self.camera.findText(text)
        return str(self.camera.itemData(place)) if place >= 0 else text

    def _set_address(self, address: str) -> None:
        place = self.camera.findData(address)
        if place >= 0:
            self.camera.setCurrentIndex(place)
        else:
            self.camera.setEditText(address)

    def _search_cameras(self) -> None:
        self._cameras_asked = True
        self.search_button.setEnabled(False)
        self.fields["source.address"].set_help(self.tr("Looking for cameras …"))
        on_done(self._find_cameras(), self._show_cameras, self._on_no_cameras, owner=self)

    def _show_cameras(self, cameras: Sequence[CameraChoice]) -> None:
        address = self._address()
        self._filling = True
        self.camera.clear()
        for camera in cameras:
            self.camera.addItem(f"{camera.index}: {camera.name}", str(camera.index))
        self._set_address(address)
        self._filling = False
        self._on_changed()
        self.search_button.setEnabled(True)
        found = self.tr("{count} cameras found.").format(count=len(cameras))
        if len(cameras) == 1:
            found = self.tr("One camera found.")
        if not cameras:
            found = self.tr("No camera found: connect one and search again.")
        other = self.tr("Or a video file, a folder of pictures, an rtsp:// address.")
        self.fields["source.address"].set_help(f"{found} {other}")

    def _on_no_cameras(self, error: KnownError) -> None:
        self.search_button.setEnabled(True)
        self.fields["source.address"].set_help(str(error), tone="warning")


def _combo(choices: Sequence[tuple[str, str]]) -> QComboBox:
    combo = QComboBox()
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(12)
    for value, words in choices:
        combo.addItem(words, value)
    return combo


def _card(title: str) -> tuple[Card, QVBoxLayout]:
    card = Card()
    column = QVBoxLayout(card)
    column.setContentsMargins(24, 16, 24, 20)
    column.setSpacing(12)
    column.addWidget(Text(title, "large", strong=True))
    return card, column
