import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attendance.errors import InputError
from attendance.staff import checked_person, checked_staff_id, checked_text


@pytest.mark.parametrize(
    "name",
    ["Ada Lovelace", "王小明", "محمد بن موسى الخوارزمي", "Zoë 👩‍🚀", "A" * 200, "O'Brien-Ng"],
)
def test_names_of_any_script_are_taken_as_they_are(name: str) -> None:
    assert checked_person(staff_id="7", name=name).name == name


@pytest.mark.parametrize(
    "staff_id", ["", " ", "-1", "a b", "x" * 33, "ü", "../7", "7;DROP", "=1", "٧", "7\n8"]
)
def test_what_is_no_staff_id_is_refused_with_the_rule(staff_id: str) -> None:
    with pytest.raises(InputError, match="1 to 32 letters"):
        checked_staff_id(staff_id)


@pytest.mark.parametrize("name", ["", "   ", "a" * 201, "bad\x00", "x\u202eevil", "\ud800"])
def test_a_name_nobody_could_read_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        checked_person(staff_id="7", name=name)


def test_decomposed_and_composed_spellings_become_one() -> None:
    assert checked_text("name", "Zoe\u0308") == "Zo\u00eb"


@given(st.text(max_size=250))
def test_a_text_that_is_taken_is_clean_and_stays_the_same(text: str) -> None:
    try:
        once = checked_text("name", text)
    except InputError:
        return
    assert checked_text("name", once) == once
    assert once == once.strip()
    assert unicodedata.is_normalized("NFC", once)
    assert len(once) <= 200
    assert not any(unicodedata.category(c) == "Cc" for c in once)
