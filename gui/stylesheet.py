"""The one style sheet. Every colour and size in it is a token; gui.theme fills them in."""

from collections.abc import Mapping
from string import Template

_SHEET = Template(
    """
* { font-size: ${body}px; color: $text; outline: none; }
QMainWindow, QDialog, QWizard, QWidget[page="true"] { background: $background; }
QWidget[card="true"] { background: $surface; border-radius: ${corner}px;
    border: ${border}px solid $card_line; }
QLabel { background: transparent; }
QLabel[type="small"] { font-size: ${small}px; }
QLabel[type="large"] { font-size: ${large}px; }
QLabel[type="title"] { font-size: ${title}px; font-weight: 600; }
QLabel[type="display"] { font-size: ${display}px; font-weight: 600; }
QLabel[type="clock"] { font-size: ${clock}px; }
QLabel[strong="true"] { font-weight: 600; }
QLabel[tone="muted"] { color: $muted; }
QLabel[tone="accent"] { color: $accent; }
QLabel[tone="success"] { color: $success; }
QLabel[tone="warning"] { color: $warning; }
QLabel[tone="danger"] { color: $danger; }
QLabel[on="accent"] { color: $on_accent; }
QLabel[on="success"] { color: $on_success; }
QLabel[on="warning"] { color: $on_warning; }
QLabel[on="danger"] { color: $on_danger; }
QWidget[fill="neutral"] { background: $surface; border-radius: ${corner}px;
    border: ${border}px solid $card_line; }
QWidget[fill="accent"] { background: $accent_fill; border-radius: ${corner}px; }
QWidget[fill="success"] { background: $success_fill; border-radius: ${corner}px; }
QWidget[fill="warning"] { background: $warning_fill; border-radius: ${corner}px; }
QWidget[fill="danger"] { background: $danger_fill; border-radius: ${corner}px; }
QWidget[banner="true"] { border-radius: 0; }
QFrame[rule="true"] { background: $raised; border: none; max-height: 2px; min-height: 2px; }

QPushButton, QToolButton { background: $surface; border: ${border}px solid $line;
    border-radius: ${corner_small}px; padding: 0 ${pad_wide}px; min-height: ${target}px; }
QToolButton { padding: 0 ${pad}px; min-width: ${target}px; }
QAbstractSpinBox QLineEdit, QComboBox QLineEdit { border: none; background: transparent;
    padding: 0; min-height: 0; }
QSpinBox QLineEdit, QDoubleSpinBox QLineEdit { padding: 0 ${pad}px; }
QSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::up-button,
QDoubleSpinBox::down-button { width: 0; border: none; }
QLineEdit QToolButton { border: none; background: transparent; padding: 0; min-width: 0;
    min-height: 0; }
QPushButton:hover, QToolButton:hover { background: $raised; }
QPushButton:pressed, QToolButton:pressed { background: $raised; border-color: $text; }
QPushButton:disabled, QToolButton:disabled { color: $muted; background: $raised;
    border-color: $raised; }
QPushButton:focus, QToolButton:focus { border: 2px solid $focus; }
QPushButton[kind="primary"] { background: $accent_fill; color: $on_accent;
    border-color: $accent_fill; font-weight: 600; }
QPushButton[kind="primary"]:hover, QPushButton[kind="primary"]:pressed {
    border-color: $text; }
QPushButton[kind="primary"]:disabled { background: $raised; color: $muted;
    border-color: $raised; }
QPushButton[kind="primary"]:focus { border: 2px solid $text; }
QPushButton[kind="success"] { background: $success_fill; color: $on_success;
    border-color: $success_fill; font-weight: 600; }
QPushButton[kind="success"]:focus { border: 2px solid $text; }
QPushButton[kind="danger"] { background: $danger_fill; color: $on_danger;
    border-color: $danger_fill; font-weight: 600; }
QPushButton[kind="danger"]:focus { border: 2px solid $text; }
QPushButton[kind="plain"] { background: transparent; border-color: transparent; }
QPushButton[kind="plain"]:hover { background: $raised; }
QPushButton[kind="plain"]:focus { border: 2px solid $focus; }
QPushButton[kind="chip"] { border-radius: ${chip_corner}px; padding: 0 ${pad_wide}px; }
QPushButton[kind="chip"]:checked { background: $accent_fill; color: $on_accent;
    border-color: $accent_fill; }
QPushButton[kind="chip"]:checked:focus { border: 2px solid $text; }
QPushButton[kind="navigation"] { background: transparent; border: 2px solid transparent;
    text-align: left; }
QPushButton[kind="navigation"]:hover { background: $raised; }
QPushButton[kind="navigation"]:checked { background: $raised; font-weight: 600; }
QPushButton[kind="navigation"]:focus { border: 2px solid $focus; }
QPushButton[kind="key"] { font-size: ${title}px; padding: 0; }
QPushButton[kind="big"] { font-size: ${title}px; font-weight: 600; }
QPushButton[kind="big-in"] { font-size: ${title}px; font-weight: 600;
    background: $success_fill; color: $on_success; border-color: $success_fill; }
QPushButton[kind="big-out"] { font-size: ${title}px; font-weight: 600;
    background: $accent_fill; color: $on_accent; border-color: $accent_fill; }
QPushButton[kind="big-in"]:focus, QPushButton[kind="big-out"]:focus { border: 2px solid $text; }

QLineEdit, QComboBox, QDateEdit, QTimeEdit, QSpinBox, QDoubleSpinBox, QPlainTextEdit, QTextEdit,
QTextBrowser { background: $surface; border: ${border}px solid $line;
    border-radius: ${corner_small}px; padding: 0 ${pad}px; min-height: ${target}px;
    selection-background-color: $accent_fill; selection-color: $on_accent; }
QLineEdit, QPlainTextEdit, QTextEdit { placeholder-text-color: $muted; }
QPlainTextEdit, QTextEdit, QTextBrowser { padding: ${pad}px; }
QLineEdit:focus, QComboBox:focus, QDateEdit:focus, QTimeEdit:focus, QSpinBox:focus,
QDoubleSpinBox:focus, QPlainTextEdit:focus, QTextEdit:focus, QTextBrowser:focus {
    border: 2px solid $focus; }
QLineEdit:disabled, QComboBox:disabled, QDateEdit:disabled, QSpinBox:disabled,
QLineEdit:read-only { color: $muted; background: $raised; border-color: $raised; }
QLineEdit[invalid="true"], QComboBox[invalid="true"], QDateEdit[invalid="true"],
QDoubleSpinBox[invalid="true"] { border: 2px solid $danger; }
QComboBox::drop-down, QDateEdit::drop-down { border: none; width: ${target}px; }
QComboBox::down-arrow, QDateEdit::down-arrow { image: url("$chevron_file"); width: 16px;
    height: 16px; }
QComboBox QAbstractItemView { background: $surface; border: 1px solid $line; padding: 4px;
    selection-background-color: $accent_fill; selection-color: $on_accent; }
QComboBox QAbstractItemView::item { min-height: ${target}px; }

QCheckBox, QRadioButton { spacing: ${pad}px; min-height: ${target}px; background: transparent; }
QCheckBox::indicator, QRadioButton::indicator { width: 20px; height: 20px;
    border: 2px solid $line; background: $surface; }
QCheckBox::indicator { border-radius: 4px; }
QRadioButton::indicator { border-radius: 12px; }
QCheckBox::indicator:checked { background: $accent_fill; border-color: $accent_fill;
    image: url("$tick_file"); }
QRadioButton::indicator:checked { background: $accent_fill; border-color: $accent_fill; }
QCheckBox:focus, QRadioButton:focus { color: $accent; }
QCheckBox::indicator:focus, QRadioButton::indicator:focus { border-color: $focus; }

QTableView, QListView, QListWidget, QTreeView { background: $surface;
    border: ${border}px solid $raised; border-radius: ${corner_small}px;
    gridline-color: $raised; alternate-background-color: $background;
    selection-background-color: $accent_fill; selection-color: $on_accent; }
QTableView:focus, QListView:focus, QListWidget:focus { border: 2px solid $focus; }
QListWidget::item { min-height: ${target}px; padding: 0 ${pad}px; border-radius: 6px; }
QListWidget::item:selected { background: $accent_fill; color: $on_accent; }
QTableView::item { padding: 0 ${pad}px; }
QHeaderView::section { background: $surface; color: $muted; border: none;
    border-bottom: 2px solid $raised; padding: 0 ${pad}px; min-height: ${target}px;
    font-size: ${small}px; font-weight: 600; }
QHeaderView { background: $surface; }
QTableCornerButton::section { background: $surface; border: none; }

QScrollArea, QScrollArea > QWidget > QWidget { background: transparent; border: none; }
QScrollBar { background: transparent; border: none; }
QScrollBar:vertical { width: 12px; }
QScrollBar:horizontal { height: 12px; }
QScrollBar::handle { background: $line; border-radius: 4px; margin: 2px; min-height: 32px;
    min-width: 32px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QProgressBar { background: $raised; border: none; border-radius: 4px; min-height: 8px;
    max-height: 8px; }
QProgressBar::chunk { background: $accent_fill; border-radius: 4px; }
QToolTip { background: $raised; color: $text; border: 1px solid $line; padding: 4px; }
QMenu { background: $surface; border: 1px solid $line; padding: 4px; }
QMenu::item { min-height: ${target}px; padding: 0 ${pad_wide}px; border-radius: 6px; }
QMenu::item:selected { background: $accent_fill; color: $on_accent; }
QMenu::item:disabled { color: $muted; }
QSplitter::handle { background: $raised; }
QCalendarWidget QWidget { alternate-background-color: $raised; }
QCalendarWidget QToolButton { min-height: 36px; border: none; background: transparent; }
"""
)


def style_sheet_text(values: Mapping[str, str | int]) -> str:
    """Return the sheet with every token filled in; raises KeyError if one lacks."""
    chip_corner = int(values["target"]) // 2
    return _SHEET.substitute({"chip_corner": chip_corner, **values})
