"""Writing settings.toml: only what the operator set, the rest of the file as it was."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from attendance.errors import ConfigError, StorageError

HEADER = "Settings of this Clockface that differ from its defaults."


def write_settings(settings_file: Path, values: Mapping[str, Any]) -> None:
    """Set these dotted keys in the file; comments and other keys stay. All or nothing.

    Raises ConfigError if the file there is not TOML (it is left as it is), StorageError if it
    cannot be written.
    """
    try:
        document = _read(settings_file)
        for key, value in values.items():
            section, _, name = key.partition(".")
            if section not in document:
                document[section] = tomlkit.table()
            table = document[section]
            table[name] = list(value) if isinstance(value, tuple) else value
    except TOMLKitError as error:
        raise ConfigError(
            f"The settings file {settings_file} is not valid TOML: {error}.",
            action="Correct that line, or move the file away.",
        ) from error
    _replace(settings_file, tomlkit.dumps(document))


def _read(settings_file: Path) -> tomlkit.TOMLDocument:
    if settings_file.is_file():
        return tomlkit.parse(settings_file.read_text(encoding="utf-8"))
    document = tomlkit.document()
    document.add(tomlkit.comment(HEADER))
    return document


def _replace(path: Path, text: str) -> None:
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StorageError(
            f"The settings could not be written to {path}: {error.strerror}.",
            action="Check the free space and the permissions of that folder.",
        ) from error
