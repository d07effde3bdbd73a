"""What the windows are handed: every part below them, already built by main.py."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from attendance.clocking import ClockingRules, rules_of
from attendance.config import Settings
from attendance.ports import Clock
from attendance.types import Person
from gui.bridge import Bridge

if TYPE_CHECKING:
    from attendance.kiosk import KioskService
    from inference.engine import Engine
    from storage.store import Store


@dataclass(slots=True)
class Services:
    """Everything a window may use. Owned by main.py, which also stops it after the last window.

    engine: built with `on_status=bridge.post_status`; kiosk: built with `on_event=
    bridge.post_event`; the engine's `on_result` goes to `kiosk.observe`. people: looks a person up
    in memory, never in the database. save_settings: checks and writes dotted keys and returns the
    new settings (raises ConfigError or StorageError). model_summary: one line for the settings
    page, for example «MobileFaceNet int8, CPU, 2 threads». model_id: the network that runs, whose
    templates alone can be compared; empty until one does.
    """

    settings: Settings
    store: "Store"
    engine: "Engine"
    kiosk: "KioskService"
    clock: Clock
    data_dir: Path
    zone: ZoneInfo
    people: Callable[[str], Person | None]
    save_settings: Callable[[Mapping[str, Any]], Settings]
    model_summary: str = ""
    model_id: str = ""
    bridge: Bridge = field(default_factory=Bridge)

    def rules(self) -> ClockingRules:
        """Return the clocking rules the current settings stand for."""
        return rules_of(self.settings.kiosk, zone=self.zone, device_id=self.store.device_id)

    def change_settings(self, values: Mapping[str, Any]) -> Settings:
        """Save these dotted keys, put them to use and tell every window.

        Raises ConfigError or StorageError, and then nothing has changed.
        """
        self.settings = self.save_settings(values)
        self.kiosk.replace_rules(self.rules())
        self.engine.replace_settings(self.settings)
        self.bridge.settings_changed.emit(self.settings)
        return self.settings

    def use_source(self, address: str) -> None:
        """Save this address (camera, file, folder, stream) and let the engine open it.

        Raises a KnownError if the address cannot be saved. A source that cannot be opened is told
        by the engine's status, not here.
        """
        from inference.sources import open_source

        settings = self.change_settings({"source.address": address}).source
        clock = self.clock
        self.engine.replace_source(
            lambda: open_source(address, settings=settings, clock=clock, fast=False)
        )
