"""The desk: people, punches and settings for the operator."""

from gui.desk.desk_window import DeskWindow

__all__ = ["DeskWindow"]
