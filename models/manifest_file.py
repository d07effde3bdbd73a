"""Put manifest.toml together: built files, exported files, and what was measured with each.

Beside the weights lie the parts: exports.toml (what `models.export` wrote), figures.toml (LFW, by
`models.evaluate --write`), thresholds.toml (by `models.thresholds --write` or the export) and
default.toml (which network a kiosk runs unless told otherwise, and why; written by hand).
"""

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w

from models.errors import BuildError
from models.figures import read_figures

MANIFEST = "manifest.toml"
EXPORTS_FILE = "exports.toml"
THRESHOLDS_FILE = "thresholds.toml"
DEFAULT_FILE = "default.toml"
FIGURES_FILE = "figures.toml"
_HEADER = "# Written by `python -m models.build` and `models.export`; do not edit.\n\n"

Entry = dict[str, Any]


def with_measurements(entry: Mapping[str, Any], folder: Path) -> Entry:
    """The entry with the thresholds and figures that were measured with exactly these bytes.

    Thresholds that come with their evidence go before those of the figures, unless they rest on
    fewer impostor pairs.
    """
    result = dict(entry)
    digest = result["sha256"]
    figures = read_figures(folder / FIGURES_FILE).get(digest)
    if figures is not None:
        known = {key: figures[key] for key in figures if key not in ("sha256", "file")}
        result["thresholds"] = known.pop("thresholds")
        result["figures"] = known
    evidence = read_rows(folder / THRESHOLDS_FILE, "thresholds").get(digest)
    least = 0 if figures is None else figures["impostor_pairs"]
    if evidence is not None and evidence["impostor_pairs"] >= least:
        known = {key: evidence[key] for key in evidence if key not in ("sha256", "file")}
        result["thresholds"] = {one["far"]: one["threshold"] for one in known["at"]}
        result["threshold_evidence"] = known
    return result


def exported_entries(folder: Path) -> list[Entry]:
    """The entries of exported files, with what was measured.

    Raises BuildError if a file is missing or holds other bytes than were exported.
    """
    entries = []
    for row in read_rows(folder / EXPORTS_FILE, "export", key="file").values():
        path = folder / str(row["file"])
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise BuildError(
                f"{EXPORTS_FILE} lists {path.name}, which cannot be read: {error.strerror}.",
                action="Export it again, or take its rows out.",
            ) from error
        if digest != row["sha256"]:
            raise BuildError(
                f"{path.name} is not the file that was exported (its hash differs).",
                action="Export it again.",
            )
        entries.append(with_measurements(row, folder))
    return entries


def add_rows(path: Path, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store rows in a part of the manifest, in place of older ones of the same files."""
    files = {row["file"] for row in rows}
    kept = [old for old in read_rows(path, table, key="file").values() if old["file"] not in files]
    ordered = sorted([*kept, *rows], key=lambda row: str(row["file"]))
    write_text(path, "# Written by a command; do not edit.\n\n" + tomli_w.dumps({table: ordered}))


def read_rows(path: Path, table: str, *, key: str = "sha256") -> dict[str, Entry]:
    """The rows of a part, by a key of theirs; none if there is no such file.

    Raises BuildError if it cannot be read.
    """
    if not path.exists():
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return {str(row[key]): row for row in content.get(table, [])}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise BuildError(f"{path} cannot be read: {error}.", action="Correct it.") from error


def write_manifest(folder: Path, built: Sequence[Mapping[str, Any]]) -> None:
    """Write manifest.toml: the built entries, the exported ones, and the default network.

    Raises BuildError if default.toml names a network that is not there.
    """
    entries = [*map(dict, built), *exported_entries(folder)]
    networks = dict.fromkeys(one["network"] for one in entries if "network" in one)
    top: Entry = {"format": 1}
    if (folder / DEFAULT_FILE).exists():
        try:
            choice = tomllib.loads((folder / DEFAULT_FILE).read_text(encoding="utf-8"))
            top |= {"default_network": choice["network"], "default_reason": choice["reason"]}
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError) as error:
            raise BuildError(
                f"{folder / DEFAULT_FILE} cannot be used: {error}.",
                action="It needs a network and a reason.",
            ) from error
        if choice["network"] not in networks:
            raise BuildError(
                f"{DEFAULT_FILE} names the network «{choice['network']}», but there "
                f"{'is' if len(networks) == 1 else 'are'} {', '.join(networks) or 'none'}.",
                action="Correct it.",
            )
    write_text(folder / MANIFEST, _HEADER + tomli_w.dumps({**top, "model": entries}))


def written_entries(folder: Path) -> list[Entry]:
    """The entries of the built files as manifest.toml has them, measured figures renewed.

    Empty if there is no manifest; for writing it anew without building. Raises BuildError.
    """
    exported = set(read_rows(folder / EXPORTS_FILE, "export", key="file"))
    rows = read_rows(folder / MANIFEST, "model", key="file")
    measured = ("thresholds", "figures", "threshold_evidence")
    return [
        with_measurements({k: v for k, v in row.items() if k not in measured}, folder)
        for file, row in rows.items()
        if file not in exported
    ]


def write_text(path: Path, text: str) -> None:
    """Replace a file at once. Raises BuildError if the folder cannot be written."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """The same for bytes."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise BuildError(
            f"{path} cannot be written: {error.strerror}.",
            action="Check the folder, or give another as --out.",
        ) from error
