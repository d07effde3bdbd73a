"""The people list: find somebody, enrol, edit, take new pictures, deactivate, erase."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from PySide6.QtCore import QItemSelection, QPoint, Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QMenu

from attendance.errors import KnownError
from attendance.types import Person, PersonState
from gui.bridge import on_done
from gui.desk.desk_page import DeskPage
from gui.desk.people_model import PeopleModel
from gui.desk.person_dialog import PersonDialog
from gui.desk.questions import deactivate_question, erase_question
from gui.desk.search_field import SearchField
from gui.desk.table_area import DeskTable, TableArea
from gui.desk_operator import OPERATOR
from gui.messages import isolated
from gui.services import Services
from gui.widgets import Button, Card, Chip, ElidedText, Text, primary_button
from gui.wizard.enrolment_wizard import EnrolmentWizard
from storage.rows import PersonRow

ROW_PX = 56


class PeoplePage(DeskPage):
    """Owned by the GUI thread; every question to the store is answered later."""

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self.enrol_button = primary_button(self.tr("Enrol a person"), symbol="person-add")
        self.set_title(self.tr("People"), self.enrol_button)
        self.enrol_button.clicked.connect(self.enrol)
        self.search = SearchField(self.tr("Search name, staff id or department"))
        self.chips = {
            PersonState.ACTIVE: Chip(self.tr("Active"), checked=True),
            PersonState.INACTIVE: Chip(self.tr("Inactive"), checked=True),
            PersonState.ERASED: Chip(self.tr("Erased")),
        }
        self.count = Text("", tone="muted", figures=True)
        self.model = PeopleModel(
            zone=services.zone,
            now_utc=services.clock.now_utc,
            model_id=lambda: services.model_id,
            parent=self,
        )
        self.table = DeskTable(self.model, row_px=ROW_PX)
        self.area = TableArea(self.table)
        self.selected_name = ElidedText("", strong=True)
        self.edit_button = Button(self.tr("Edit"), symbol="edit")
        self.pictures_button = Button(self.tr("New pictures"), symbol="camera")
        self.state_button = Button(self.tr("Deactivate"), symbol="person-off")
        self.erase_button = Button(self.tr("Erase …"), symbol="trash")
        self.bar = Card()
        self._asked = 0
        self._select_next: str | None = None
        self._build()
        self._connect()

    def enter(self) -> None:
        self.reload()

    def reload(self) -> None:
        """Ask the store again for what is searched for; the selection stays if it can."""
        self._asked += 1
        asked = self._asked
        row = self.model.person_row(self.table.selected_row())
        if self._select_next is None and row is not None:
            self._select_next = row.person.staff_id
        future = self.services.store.people(search=self.search.search, states=self._states())

        def answered(rows: tuple[PersonRow, ...]) -> None:
            if asked == self._asked:
                self._show(rows)

        def failed(error: KnownError) -> None:
            if asked == self._asked:
                self.area.show_error(error)
                self.count.clear()

        on_done(future, answered, failed, owner=self)

    def enrol(self) -> None:
        """Open the wizard for somebody new."""
        self._open_wizard(None)

    # What the page is made of

    def _build(self) -> None:
        filters = QHBoxLayout()
        filters.setSpacing(8)
        filters.addWidget(self.search, 1)
        filters.addSpacing(8)
        for chip in self.chips.values():
            filters.addWidget(chip)
        filters.addSpacing(8)
        filters.addWidget(self.count)
        self.body.addLayout(filters)
        self.body.addWidget(self.area, 1)
        actions = QHBoxLayout(self.bar)
        actions.setContentsMargins(16, 8, 8, 8)
        actions.setSpacing(8)
        actions.addWidget(self.selected_name, 1)
        for button in self._row_buttons():
            actions.addWidget(button)
        self.body.addWidget(self.bar)
        self.bar.hide()
        self.table.set_shares((35, 20, 24, 21))
        self.table.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.table.setSortingEnabled(True)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.setAccessibleName(self.tr("People"))

    def _row_buttons(self) -> tuple[Button, ...]:
        return (self.edit_button, self.pictures_button, self.state_button, self.erase_button)

    def _connect(self) -> None:
        self.search.search_changed.connect(lambda _text: self.reload())
        for chip in self.chips.values():
            chip.toggled.connect(lambda _checked: self.reload())
        self.area.retry_requested.connect(self.reload)
        self.table.delete_pressed.connect(self._on_erase)
        self.table.opened.connect(lambda _row: self._on_edit())
        self.table.selectionModel().selectionChanged.connect(self._on_selection_changed)
        self.model.modelReset.connect(self._show_selected)
        self.table.customContextMenuRequested.connect(self._on_menu_requested)
        self.edit_button.clicked.connect(self._on_edit)
        self.pictures_button.clicked.connect(self._on_new_pictures)
        self.state_button.clicked.connect(self._on_change_state)
        self.erase_button.clicked.connect(self._on_erase)

    def _states(self) -> tuple[PersonState, ...]:
        chosen = tuple(state for state, chip in self.chips.items() if chip.isChecked())
        return chosen or tuple(PersonState)

    # What is shown

    def _show(self, rows: tuple[PersonRow, ...]) -> None:
        self.model.set_rows(rows)
        one = self.tr("1 person")
        many = self.tr("{count} people").format(count=f"{len(rows):,}")
        self.count.setText(one if len(rows) == 1 else many)
        if rows:
            self.area.show_table()
        else:
            self._show_nobody()
        wanted, self._select_next = self._select_next, None
        number = self.model.row_of(wanted) if wanted is not None else -1
        if number >= 0:
            self.table.select_row(number)

    def _show_nobody(self) -> None:
        if self.search.search or not self.chips[PersonState.ACTIVE].isChecked():
            clear = Button(self.tr("Show everybody"))
            clear.clicked.connect(self._on_show_everybody)
            self.area.show_empty(
                "search",
                self.tr("Nobody found"),
                sentence=self.tr("No name, staff id or department matches all the words."),
                action=clear,
            )
            return
        enrol = primary_button(self.tr("Enrol the first person"), symbol="person-add")
        enrol.clicked.connect(self.enrol)
        self.area.show_empty(
            "people",
            self.tr("Nobody is enrolled yet"),
            sentence=self.tr("It takes about a minute: details, consent and five pictures."),
            action=enrol,
        )

    def _on_show_everybody(self) -> None:
        for state, chip in self.chips.items():
            chip.setChecked(state is not PersonState.ERASED)
        self.search.clear()
        self.reload()

    def _on_selection_changed(self, _now: QItemSelection, _before: QItemSelection) -> None:
        self._show_selected()

    def _show_selected(self) -> None:
        row = self.selected()
        self.bar.setVisible(row is not None)
        if row is None:
            return
        person = row.person
        self.selected_name.set_text(person.name)
        active = person.state is PersonState.ACTIVE
        self.state_button.setText(self.tr("Deactivate") if active else self.tr("Activate"))
        self.state_button.set_symbol("person-off" if active else "person")
        for button in self._row_buttons():
            button.setEnabled(person.state is not PersonState.ERASED)

    def selected(self) -> PersonRow | None:
        """The row that the buttons act on."""
        return self.model.person_row(self.table.selected_row())

    # What is done

    def _on_menu_requested(self, place: QPoint) -> None:
        row = self.selected()
        if row is None or row.person.state is PersonState.ERASED:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for button in self._row_buttons():
            menu.addAction(button.text()).triggered.connect(button.click)
        menu.popup(self.table.viewport().mapToGlobal(place))

    def _changeable(self) -> PersonRow | None:
        row = self.selected()
        return row if row is not None and row.person.state is not PersonState.ERASED else None

    def _on_edit(self) -> None:
        row = self._changeable()
        if row is None:
            return
        dialog = PersonDialog(self.services, row.person, parent=self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.saved.connect(self._on_person_edited)
        dialog.open()

    def _on_person_edited(self, person: Person) -> None:
        self.tell(self.tr("The details of {name} are saved").format(name=isolated(person.name)))
        self.reload()

    def _on_new_pictures(self) -> None:
        row = self._changeable()
        if row is not None:
            self._open_wizard(row.person)

    def _open_wizard(self, person: Person | None) -> None:
        wizard = EnrolmentWizard(self.services, self, person)
        wizard.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        wizard.person_saved.connect(self._on_person_saved)
        window = self.window()
        wizard.resize(window.size())
        if window.isFullScreen():
            wizard.setWindowState(Qt.WindowState.WindowFullScreen)
        wizard.open()

    def _on_person_saved(self, person: Person) -> None:
        self._select_next = person.staff_id
        self.tell(self.tr("{name} is enrolled").format(name=isolated(person.name)))
        self.reload()

    def _on_change_state(self) -> None:
        row = self._changeable()
        if row is None:
            return
        person = row.person
        if person.state is PersonState.INACTIVE:
            self._set_state(person, PersonState.ACTIVE)
            return
        question = deactivate_question(person, parent=self)
        self._ask(question, lambda: self._set_state(person, PersonState.INACTIVE))

    def _set_state(self, person: Person, state: PersonState) -> None:
        name = isolated(person.name)
        done = (
            self.tr("{name} can clock in again")
            if state is PersonState.ACTIVE
            else self.tr("{name} can no longer clock in")
        ).format(name=name)
        future = self.services.store.set_state(person.staff_id, state, operator=OPERATOR)
        self._do(future, done)

    def _on_erase(self) -> None:
        row = self._changeable()
        if row is None:
            return
        person = row.person
        question = erase_question(person, template_count=row.template_count, parent=self)

        def erase() -> None:
            future = self.services.store.erase(person.staff_id, operator=OPERATOR)
            done = self.tr("The templates of {name} are erased").format(name=isolated(person.name))
            self._do(future, done)

        self._ask(question, erase)

    def _ask(self, question: QDialog, then: Callable[[], None]) -> None:
        question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        question.accepted.connect(then)
        question.open()

    def _do(self, future: "Future[Any]", done: str) -> None:
        def succeeded(_value: object) -> None:
            self.tell(done)
            self.reload()

        def failed(error: KnownError) -> None:
            self.tell_error(self.tr("This was not done completely"), error)
            self.reload()

        on_done(future, succeeded, failed, owner=self)
