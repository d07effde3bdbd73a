"""One data directory opened: its settings, its store, and the kiosk and engine built on them.

Shared by the windows and the command line; holds no Qt.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from attendance.clock import SystemClock, system_zone_name, zone_named
from attendance.clocking import rules_of
from attendance.config import SETTINGS_FILE, Settings, load_settings
from attendance.kiosk import KioskEvent, KioskService
from attendance.policy import KioskPolicy
from attendance.types import FrameResult, Person, PersonState
from storage.rows import GalleryRows, PersonRow
from storage.settings_file import write_settings
from storage.store import Store

if TYPE_CHECKING:
    from inference.engine import Engine, EngineStatus
    from inference.gallery import MatrixGallery
    from inference.manifest import ModelEntry
    from inference.pipeline import Pipeline
    from inference.reader import Networks
    from inference.sources import Source

logger = logging.getLogger(__name__)


class Program:
    """Settings and store of one data directory, and what is built on them.

    read_only: look only; needs no lock, so it works beside a running kiosk.
    """

    def __init__(
        self, data_dir: Path, *, overrides: Sequence[str] = (), read_only: bool = False
    ) -> None:
        self.data_dir = data_dir
        self.clock = SystemClock()
        self.settings = load_settings(data_dir / SETTINGS_FILE, overrides=overrides)
        self.zone: ZoneInfo = zone_named(self.settings.kiosk.zone or system_zone_name())
        self.store = Store.open(
            data_dir,
            clock=self.clock,
            keep_backups=self.settings.storage.keep_backups,
            read_only=read_only,
        )
        self._people: Mapping[str, Person] = {}
        self._engine: Engine | None = None
        self._kiosk: KioskService | None = None
        self._running: ModelEntry | None = None
        self._networks_summary = ""
        self._enrolled_elsewhere = 0

    def close(self) -> None:
        self.store.close()

    def person(self, staff_id: str) -> Person | None:
        """Return an active person from memory (any thread)."""
        return self._people.get(staff_id)

    def embedder_entry(self) -> "ModelEntry":
        """Return the manifest's entry of the embedder; with its precision's thresholds.

        The one that runs, if one does: other settings choose another at the next start.
        """
        if self._running is not None:
            return self._running
        from inference.manifest import read_manifest
        from inference.precision import choose_precision

        inference = self.settings.inference
        return choose_precision(read_manifest(), settings=inference, cache_dir=self.data_dir).entry

    def chosen_model_id(self) -> str:
        """Return the id of the network the settings choose, the same in every precision."""
        from inference.manifest import read_manifest

        return read_manifest().entry("embed", network=self.settings.inference.network).model_id

    def networks(self) -> "Networks":
        from inference.reader import load_networks

        networks = load_networks(self.settings.inference, cache_dir=self.data_dir)
        self._running = networks.entry
        self._networks_summary = networks.summary
        logger.info("recognition runs %s", networks.summary)
        for sentence in networks.fallbacks:
            logger.warning("provider fallback: %s", sentence)
        return networks

    @property
    def model_id(self) -> str:
        """The network that runs; empty before one does."""
        return "" if self._running is None else self._running.model_id

    @property
    def model_summary(self) -> str:
        """What recognises here, and how many people it cannot know; empty before it runs."""
        if not self._enrolled_elsewhere:
            return self._networks_summary
        return f"{self._networks_summary}. {elsewhere_sentence(self._enrolled_elsewhere)}"

    def gallery(self, rows: "GalleryRows", *, entry: "ModelEntry") -> "MatrixGallery":
        """Return these templates as one matrix; log how many people no template stands for."""
        from inference.gallery import MatrixGallery

        elsewhere = len(rows.other_staff_ids)
        if elsewhere and elsewhere != self._enrolled_elsewhere:
            logger.error("%s %s runs here.", elsewhere_sentence(elsewhere), entry.model_id)
        self._enrolled_elsewhere = elsewhere
        return MatrixGallery(
            entry.model_id, rows.staff_ids, rows.vectors, thresholds=entry.thresholds
        )

    def current_gallery(self, entry: "ModelEntry") -> "MatrixGallery":
        """Return the active people's templates of this model as one matrix."""
        rows = self.store.gallery_rows(model_id=entry.model_id).result()
        return self.gallery(rows, entry=entry)

    def pipeline(self) -> "Pipeline":
        """Build the pipeline, in the thread that will own it."""
        from inference.pipeline import Pipeline

        networks = self.networks()
        gallery = self.current_gallery(networks.entry)
        return Pipeline(networks, settings=self.settings, gallery=gallery)

    def kiosk(self, on_event: Callable[[KioskEvent], None], *, asks: bool) -> KioskService:
        self._refresh_people().result()
        self._kiosk = KioskService(
            policy=self._policy(),
            recorder=self.store,
            rules=rules_of(self.settings.kiosk, zone=self.zone, device_id=self.store.device_id),
            people=self.person,
            on_event=on_event,
            asks=asks,
        )
        return self._kiosk

    def engine(
        self,
        *,
        source_factory: "Callable[[], Source]",
        on_result: Callable[[FrameResult], None],
        on_status: "Callable[[EngineStatus], None]",
        fast: bool = False,
    ) -> "Engine":
        """Build the engine and keep its gallery in step with the store."""
        from inference.engine import Engine

        self._engine = Engine(
            pipeline_factory=self.pipeline,
            source_factory=source_factory,
            on_result=on_result,
            on_status=on_status,
            clock=self.clock,
            source_settings=self.settings.source,
            fast=fast,
        )
        self.store.add_listener(self._on_people_changed)
        return self._engine

    def source(self, address: str, *, fast: bool = False) -> "Source":
        from inference.sources import open_source

        return open_source(address, settings=self.settings.source, clock=self.clock, fast=fast)

    def save_settings(self, values: Mapping[str, Any]) -> Settings:
        """Check these keys, write them to settings.toml and return all settings.

        Raises ConfigError or StorageError, and then nothing has changed.
        """
        changed = self.settings.with_values(values, origin="the settings page")
        write_settings(self.data_dir / SETTINGS_FILE, values)
        before, self.settings = self.settings, changed
        if self._kiosk is not None and changed.recognition != before.recognition:
            self._kiosk.replace_policy(self._policy())
        return changed

    def _policy(self) -> KioskPolicy:
        return KioskPolicy(self.settings.recognition, model_id=self.embedder_entry().model_id)

    def _refresh_people(self) -> "Future[tuple[PersonRow, ...]]":
        future = self.store.people(states=(PersonState.ACTIVE,))

        def use(done: "Future[tuple[PersonRow, ...]]") -> None:
            if done.cancelled() or done.exception() is not None:
                logger.error("the list of people could not be read again")
                return
            self._people = {row.person.staff_id: row.person for row in done.result()}

        future.add_done_callback(use)
        return future

    def _on_people_changed(self) -> None:
        """Rebuild people and gallery (called from the storage thread)."""
        self._refresh_people()
        entry = self.embedder_entry()

        def use(done: "Future[GalleryRows]") -> None:
            if self._engine is None or done.cancelled() or done.exception() is not None:
                logger.error("the gallery could not be read again")
                return
            self._engine.replace_gallery(self.gallery(done.result(), entry=entry))

        self.store.gallery_rows(model_id=entry.model_id).add_done_callback(use)


def elsewhere_sentence(people: int) -> str:
    """Say that so many people have templates of other networks only, and what to do."""
    who = "1 person was" if people == 1 else f"{people} people were"
    them = "that person" if people == 1 else "them"
    return (
        f"{who} enrolled with another network and cannot be recognised: enrol {them} again, or set "
        "inference.network back."
    )
