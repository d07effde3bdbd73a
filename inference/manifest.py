"""The list of shipped model files: what each is, its hash, its figures and its thresholds."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from attendance.errors import ConfigError, ModelError

MANIFEST_FILE = "manifest.toml"
FORMAT = 1
ROLES = ("detect", "landmarks", "embed")
_REINSTALL = "Install Clockface again, or build the files with `python -m models.build`."


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model file.

    model_id: the network, whatever the precision. role: detect, landmarks or embed. thresholds:
    cosine by false match rate ("1e-3" … "1e-6"), empty unless role is embed. figures: what was
    measured with the file, as the manifest has it. path: where the file lies. network: of an
    embedder, the name it is chosen by, the same in every precision. mirrored: the embedding of a
    crop is that of the crop and of its mirror image together, two runs of the network; figures
    and thresholds are measured so.
    """

    file: str
    model_id: str
    role: str
    precision: str
    sha256: str
    bytes: int
    thresholds: Mapping[str, float]
    figures: Mapping[str, Any]
    path: Path
    network: str = ""
    mirrored: bool = True


@dataclass(frozen=True, slots=True)
class Manifest:
    """Every model file of one folder, in the order of its manifest.

    default_network: the embedder that runs unless another is chosen, empty where there is none;
    default_reason: why that one.
    """

    entries: tuple[ModelEntry, ...]
    path: Path
    default_network: str = ""
    default_reason: str = ""

    @property
    def networks(self) -> tuple[str, ...]:
        """The names of the embedders there are to choose from."""
        return tuple(dict.fromkeys(entry.network for entry in self.entries if entry.network))

    def entry(
        self,
        role: str,
        *,
        precision: str | None = None,
        file: str | None = None,
        network: str = "",
    ) -> ModelEntry:
        """Return the first entry with this role and, where given, precision and file name.

        network: the embedder's name; empty takes the default one, unless a file is named.
        Raises ConfigError naming the networks there are if there is none of this name, ModelError
        naming what the manifest has if it lacks the rest.
        """
        if network and network not in self.networks:
            raise ConfigError(
                f"There is no network «{network}» (inference.network).",
                action=f"Choose one of {', '.join(self.networks) or 'none'}, or leave it empty.",
            )
        named = network or (self.default_network if role == "embed" and file is None else "")
        for entry in self.entries:
            if (
                entry.role == role
                and named in ("", entry.network)
                and precision in (None, entry.precision)
                and file in (None, entry.file)
            ):
                return entry
        wanted = " ".join(part for part in (network, role, precision, file) if part)
        known = ", ".join(entry.file for entry in self.entries) or "nothing"
        raise ModelError(f"{self.path} lists no model «{wanted}», but {known}.", action=_REINSTALL)


def default_weights_dir() -> Path:
    """Return the folder of the shipped model files."""
    return Path(__file__).resolve().parent.parent / "models" / "weights"


def read_manifest(weights_dir: Path | None = None) -> Manifest:
    """Read manifest.toml of a weights folder (default: the shipped one).

    Raises ModelError if it is missing, unreadable, or does not have the expected form. The model
    files themselves are checked when they are opened.
    """
    folder = default_weights_dir() if weights_dir is None else weights_dir
    path = folder / MANIFEST_FILE
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"There is no {MANIFEST_FILE} in {folder}.", action=_REINSTALL) from error
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read: {error.strerror}.", action="Check its permissions."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is not valid TOML: {error}.", action=_REINSTALL) from error
    if table.get("format") != FORMAT:
        raise ModelError(
            f"{path} has format {table.get('format')!r}, but this program reads {FORMAT}.",
            action=_REINSTALL,
        )
    rows = table.get("model", [])
    if not isinstance(rows, list):
        raise ModelError(f"{path} has no list of models.", action=_REINSTALL)
    manifest = Manifest(
        entries=tuple(_entry(row, path=path) for row in rows),
        path=path,
        default_network=str(table.get("default_network", "")),
        default_reason=str(table.get("default_reason", "")),
    )
    if manifest.default_network not in ("", *manifest.networks):
        raise ModelError(
            f"{path} names «{manifest.default_network}» as its default network and lists "
            f"{', '.join(manifest.networks) or 'none'}.",
            action=_REINSTALL,
        )
    return manifest


def _entry(row: Any, *, path: Path) -> ModelEntry:
    try:
        entry = ModelEntry(
            file=_text(row, "file"),
            model_id=_text(row, "model_id"),
            role=_text(row, "role"),
            precision=_text(row, "precision"),
            sha256=_text(row, "sha256").lower(),
            bytes=int(row["bytes"]),
            thresholds=MappingProxyType(
                {str(rate): float(value) for rate, value in row.get("thresholds", {}).items()}
            ),
            figures=MappingProxyType(dict(row.get("figures", {}))),
            path=path.parent / _text(row, "file"),
            network=_text(row, "network") if "network" in row else "",
            mirrored=_flag(row, "mirrored", default=True),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(
            f"{path} has an incomplete model entry: {error}.", action=_REINSTALL
        ) from error
    if Path(entry.file).name != entry.file or entry.role not in ROLES:
        raise ModelError(
            f"{path} has a model entry with file «{entry.file}» and role «{entry.role}».",
            action=_REINSTALL,
        )
    return entry


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row[key]
    if not isinstance(value, str) or not value:
        raise ValueError(f"«{key}» is not a text")
    return value


def _flag(row: Mapping[str, Any], key: str, *, default: bool) -> bool:
    value = row.get(key, default)
    if not isinstance(value, bool):
        raise TypeError(f"«{key}» is neither true nor false")
    return value
