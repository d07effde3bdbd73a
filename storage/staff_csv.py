"""Staff lists that HR exports: read as they come, each row good or refused with its reason."""

import csv
import io
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from attendance.errors import InputError
from attendance.staff import checked_person
from attendance.staff_import import BadRow, StaffRow
from storage.text import nfc

if TYPE_CHECKING:
    from _csv import Reader

COLUMNS = ("staff_id", "name", "department", "shift", "photo")
REQUIRED = ("staff_id", "name")
MAX_BYTES = 32 * 1024 * 1024
PHOTO_SEPARATOR = "|"

_DELIMITERS = (",", ";", "\t")
_SIGNATURES = (
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)
# What Western European text in cp1252 holds beside letters.
_WESTERN_SIGNS = frozenset("–—‘’“”…·€\xa0")
_LONGEST_WESTERN_RUN = 2


@dataclass(frozen=True, slots=True)
class StaffFile:
    """A staff list in the order of the file. ignored: columns that were not used."""

    rows: tuple[StaffRow | BadRow, ...]
    encoding: str
    delimiter: str
    ignored: tuple[str, ...] = ()


def read_staff_csv(path: Path, *, encoding: str | None = None) -> StaffFile:
    """Read a staff list in UTF-8, UTF-16 or cp1252, separated by `,` `;` or tab.

    encoding: what the file is in, when it is none of these. It is not guessed: on lists of 10
    Chinese names in GB18030 a detector was wrong 14 times of 20, and wrong names go unnoticed.

    Columns staff_id and name are needed, department, shift and photo may be missing; their order,
    case, spaces and hyphens do not matter. Several photos of one person are separated by `|`. The
    second row with a staff id is a bad row that names both lines. Raises InputError if the file as
    a whole cannot be used.
    """
    text, encoding = _decoded(_bytes_of(path), name=path.name, encoding=encoding)
    delimiter, body, first_line = _delimiter(text)
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=delimiter, strict=True)
    records = _records(reader, name=path.name, first_line=first_line)
    header = next(records, None)
    if header is None:
        raise InputError(
            f"{path.name} is empty.", action=f"The first line names the columns: {_names(COLUMNS)}."
        )
    columns, ignored = _columns(header[1], name=path.name)
    width = len(header[1])
    rows: list[StaffRow | BadRow] = []
    seen: dict[str, int] = {}
    for line, cells in records:
        row = _row(line, cells, columns=columns, width=width)
        if isinstance(row, StaffRow):
            staff_id = row.person.staff_id
            if staff_id in seen:
                row = BadRow(
                    line,
                    staff_id,
                    InputError(
                        f"The staff id {staff_id} is on line {seen[staff_id]} and on line {line}.",
                        action=f"Line {line} is left out; give it its own staff id.",
                    ),
                )
            else:
                seen[staff_id] = line
        rows.append(row)
    return StaffFile(tuple(rows), encoding, delimiter, ignored)


def _bytes_of(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(
                f"{path.name} has {size // 1_048_576} MiB; a staff list has at most "
                f"{MAX_BYTES // 1_048_576}.",
                action="Check that it is the right file, or split it.",
            )
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}.", action="Check its name.") from error
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {(error.strerror or str(error)).lower()}.",
            action="Check that it is a file and its permissions.",
        ) from error
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise InputError(
            f"{path.name} is a spreadsheet, not a CSV file.",
            action="Save it from the spreadsheet program as «CSV UTF-8».",
        )
    return data


def _decoded(data: bytes, *, name: str, encoding: str | None) -> tuple[str, str]:
    """Return the text and the encoding it was in."""
    for candidate in (encoding,) if encoding else _likely_encodings(data):
        try:
            text = data.decode(candidate)
        except UnicodeDecodeError:
            continue
        except LookupError as error:
            raise InputError(
                f"There is no encoding named «{candidate}».", action="Use for example gb18030."
            ) from error
        if "\0" not in text and (candidate != "cp1252" or encoding or _western(text)):
            return text.removeprefix("\ufeff"), candidate
    raise InputError(
        f"The characters of {name} cannot be read{f' as {encoding}' if encoding else ''}.",
        action="Save it as «CSV UTF-8», or say which encoding it is in, for example gb18030.",
    )


def _likely_encodings(data: bytes) -> tuple[str, ...]:
    for signature, encoding in _SIGNATURES:
        if data.startswith(signature):
            return (encoding,)
    if data[1:2] == b"\0":
        return ("utf-16-le",)
    if data[:1] == b"\0":
        return ("utf-16-be",)
    return ("utf-8", "cp1252")


def _western(text: str) -> bool:
    """Tell whether text decoded as cp1252 looks like Western European names.

    Bytes of other scripts give long runs beyond ASCII, or signs that stand in no name (£, ¿, ³).
    """
    run = 0
    for character in text:
        run = 0 if character.isascii() else run + 1
        if run > _LONGEST_WESTERN_RUN:
            return False
        if run and character not in _WESTERN_SIGNS and unicodedata.category(character) == "Lo":
            return False
        if run and not character.isalpha() and character not in _WESTERN_SIGNS:
            return False
    return True


def _delimiter(text: str) -> tuple[str, str, int]:
    """Return the delimiter, the text from the header on, and the header's line number."""
    first, _, rest = text.partition("\n")
    if first.strip().lower() in {f"sep={delimiter}" for delimiter in _DELIMITERS} | {"sep="}:
        return first.strip("\r")[4:5] or "\t", rest, 2
    header = next((line for line in text.splitlines() if line.strip()), "")
    known = {
        delimiter: sum(_folded(cell) in COLUMNS for cell in header.split(delimiter))
        for delimiter in _DELIMITERS
    }
    best = max(_DELIMITERS, key=lambda delimiter: (known[delimiter], header.count(delimiter)))
    return best, text, 1


def _records(reader: "Reader", *, name: str, first_line: int) -> Iterator[tuple[int, list[str]]]:
    """Yield each record that is not blank with the line it begins on."""
    line = first_line
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, cells
            line = first_line + reader.line_num
    except csv.Error as error:
        raise InputError(
            f"{name} is not a correct CSV file from line {line} on: {error}.",
            action="Look for a quotation mark that is not closed.",
        ) from error


def _columns(header: list[str], *, name: str) -> tuple[Mapping[str, int], tuple[str, ...]]:
    """Return where each known column stands, and the columns that are not used."""
    columns: dict[str, int] = {}
    ignored = []
    for place, title in enumerate(header):
        column = _folded(title)
        if column not in COLUMNS:
            ignored.append(title.strip())
        elif column in columns:
            raise InputError(
                f"{name} has the column {column} twice.", action="Remove or rename one of them."
            )
        else:
            columns[column] = place
    missing = [column for column in REQUIRED if column not in columns]
    if missing:
        raise InputError(
            f"{name} has no column {_names(missing)}; it has {_names(header) or 'none'}.",
            action=f"The first line names the columns: {_names(COLUMNS)}.",
        )
    return columns, tuple(title for title in ignored if title)


def _row(
    line: int, cells: list[str], *, columns: Mapping[str, int], width: int
) -> StaffRow | BadRow:
    values = {
        column: cells[place].strip() if place < len(cells) else ""
        for column, place in columns.items()
    }
    if any(cell.strip() for cell in cells[width:]):
        error = InputError(
            f"The row has {len(cells)} cells, the first line has {width}.",
            action="Put a cell that holds the separator in quotation marks.",
        )
        return BadRow(line, values["staff_id"], error)
    try:
        person = checked_person(
            staff_id=values["staff_id"],
            name=values["name"],
            department=values.get("department", ""),
            shift=values.get("shift", ""),
        )
        photos = _photos(values.get("photo", ""))
    except InputError as error:
        return BadRow(line, values["staff_id"], error)
    return StaffRow(line, person, photos)


def _photos(cell: str) -> tuple[str, ...]:
    """Return file names that stay inside the photo folder.

    Raises InputError for a name that leads out of it.
    """
    names = tuple(nfc(part.strip()) for part in cell.split(PHOTO_SEPARATOR) if part.strip())
    for name in names:
        windows, posix = PureWindowsPath(name), PurePosixPath(name)
        absolute = windows.is_absolute() or windows.drive or windows.root or posix.is_absolute()
        if absolute or ".." in windows.parts or not name.isprintable():
            raise InputError(
                f"The photo «{name[:80]}» is not inside the photo folder.",
                action="Name the file as it is called in that folder.",
            )
    return names


def _folded(title: str) -> str:
    bare = title.strip().strip('"').strip().casefold()
    return "_".join(bare.replace("-", " ").replace("_", " ").split())


def _names(columns: "list[str] | tuple[str, ...]") -> str:
    return ", ".join(column.strip()[:40] for column in columns[:20])
