"""The rules for a person's details, the same for the wizard, the command line and imports."""

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

from attendance.errors import InputError
from attendance.types import Person

MAX_TEXT_LENGTH = 200
_STAFF_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
# Joiners that names and emoji need, and that draw nothing by themselves.
_ALLOWED_FORMAT = {"\u200c", "\u200d"}

FIELD_RULES: Mapping[str, str] = MappingProxyType(
    {
        "staff_id": (
            "1 to 32 letters, digits, dots, hyphens or underscores (A-Z, a-z, 0-9), "
            "beginning with a letter or digit"
        ),
        "name": "1 to 200 characters of any script, without control characters",
        "department": "up to 200 characters, without control characters",
        "shift": "up to 200 characters, without control characters",
    }
)


def checked_staff_id(text: str) -> str:
    """Return the staff id without surrounding space.

    Raises InputError with the rule.
    """
    staff_id = text.strip()
    if not _STAFF_ID.fullmatch(staff_id):
        raise InputError(
            f"«{_shown(text)}» is not a staff id.", action=f"Use {FIELD_RULES['staff_id']}."
        )
    return staff_id


def checked_text(field: str, text: str, *, required: bool = False) -> str:
    """Return the text in NFC, trimmed, inner white space folded to single spaces.

    Raises InputError if it is too long, empty though required, or holds characters that would
    change how other text is shown (control characters, text-direction overrides).
    """
    for character in text:
        if character in _ALLOWED_FORMAT or character.isspace():
            continue
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
            raise InputError(
                f"The {field} holds a character that cannot be shown (U+{ord(character):04X}).",
                action="Type it again without it.",
            )
    folded = " ".join(unicodedata.normalize("NFC", text).split())
    if required and not folded:
        raise InputError(f"The {field} is empty.", action=f"Enter {FIELD_RULES[field]}.")
    if len(folded) > MAX_TEXT_LENGTH:
        raise InputError(
            f"The {field} has {len(folded)} characters.", action=f"Enter {FIELD_RULES[field]}."
        )
    return folded


def checked_person(*, staff_id: str, name: str, department: str = "", shift: str = "") -> Person:
    """Return a person whose fields keep the rules.

    Raises InputError naming the first field that does not.
    """
    return Person(
        staff_id=checked_staff_id(staff_id),
        name=checked_text("name", name, required=True),
        department=checked_text("department", department),
        shift=checked_text("shift", shift),
    )


def _shown(text: str) -> str:
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return shown if len(shown) <= 40 else shown[:39] + "…"
