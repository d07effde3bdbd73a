"""What several tests of perception share: networks opened once, portraits, altered models."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import onnx
import tomli_w

from attendance.config import Settings, default_settings
from attendance.types import BgrImage
from inference.manifest import ModelEntry, read_manifest
from inference.photo import load_photo
from inference.portraits import portraits
from inference.reader import FaceReader, Networks, load_networks


def kiosk_settings(**changes: object) -> Settings:
    """Default settings on one thread in fp32; changes: section__key=value."""
    values: dict[str, object] = {"inference.threads": 1, "inference.precision": "fp32"}
    values |= {key.replace("__", "."): value for key, value in changes.items()}
    return default_settings().with_values(values)


@cache
def networks() -> Networks:
    return load_networks(kiosk_settings().inference)


def reader(**changes: object) -> FaceReader:
    return networks().reader(kiosk_settings(**changes).quality)


def portrait(file: str) -> BgrImage:
    return load_photo(next(p.path for p in portraits() if p.path.name == file))


def altered_copy(entry: ModelEntry, folder: Path, *, file: str, **changes: str) -> ModelEntry:
    """Copy a model file with other metadata; the entry says the same and has the right hash."""
    model = onnx.load(entry.path)
    metadata: Mapping[str, str] = {p.key: p.value for p in model.metadata_props} | changes
    onnx.helper.set_model_props(model, dict(metadata))
    content = model.SerializeToString()
    (folder / file).write_bytes(content)
    return replace(
        entry,
        file=file,
        path=folder / file,
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        model_id=changes.get("model_id", entry.model_id),
        precision=changes.get("precision", entry.precision),
        network=changes.get("network", entry.network),
        mirrored=changes.get("mirrored", "true") == "true",
    )


def write_manifest(
    folder: Path, entries: tuple[ModelEntry, ...], *, default_network: str = ""
) -> None:
    rows = [
        {
            "file": entry.file,
            "model_id": entry.model_id,
            "role": entry.role,
            "precision": entry.precision,
            "sha256": entry.sha256,
            "bytes": entry.bytes,
            "thresholds": dict(entry.thresholds),
            "mirrored": entry.mirrored,
        }
        | ({"network": entry.network} if entry.network else {})
        for entry in entries
    ]
    top: dict[str, object] = {"format": 1}
    if default_network:
        top |= {"default_network": default_network, "default_reason": "a test"}
    (folder / "manifest.toml").write_text(tomli_w.dumps(top | {"model": rows}), encoding="utf-8")


def shipped_entry(role: str, *, precision: str | None = None) -> ModelEntry:
    return read_manifest().entry(role, precision=precision)
