"""How text is kept and how it is found again."""

import unicodedata

_FIRST_MARK, _LAST_MARK = "\u0300", "\u036f"


def nfc(text: str) -> str:
    """Return the text in Unicode normal form C, the only form that is stored."""
    return unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    """Return the text as search sees it: no case, no accents, no compatibility forms.

    «É», «e» and full-width «Ｅ» are the same; marks outside the European scripts are kept, because
    there they are letters.
    """
    bare = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(c for c in bare if not _FIRST_MARK <= c <= _LAST_MARK)
    return unicodedata.normalize("NFC", bare)


def search_words(search: str) -> tuple[str, ...]:
    """Return the folded words that a found text must all contain."""
    return tuple(folded(search).split())
