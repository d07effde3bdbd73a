"""Staff lists as office programs write them, good and bad."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attendance.errors import InputError
from attendance.staff_import import BadRow, StaffRow
from storage.staff_csv import MAX_BYTES, StaffFile, read_staff_csv

HEADER = "staff_id,name,department,shift,photo"


def read(folder: Path, content: str | bytes, *, encoding: str | None = None) -> StaffFile:
    path = folder / "staff.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return read_staff_csv(path, encoding=encoding)


def good(staff: StaffFile) -> list[StaffRow]:
    assert all(isinstance(row, StaffRow) for row in staff.rows), staff.rows
    return [row for row in staff.rows if isinstance(row, StaffRow)]


def names(staff: StaffFile) -> list[str]:
    return [row.person.name for row in good(staff)]


def the_bad_row(staff: StaffFile) -> BadRow:
    (bad,) = [row for row in staff.rows if isinstance(row, BadRow)]
    return bad


def test_a_row_becomes_a_person_with_photos(tmp_path: Path) -> None:
    staff = read(tmp_path, f"{HEADER}\n17,Ada Lovelace,Analysis,early,ada.jpg|ada 2.jpg\n")
    (row,) = good(staff)
    assert (row.line, row.photos) == (2, ("ada.jpg", "ada 2.jpg"))
    assert (row.person.staff_id, row.person.name) == ("17", "Ada Lovelace")
    assert (row.person.department, row.person.shift) == ("Analysis", "early")


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", "王小明"),
        ("utf-8-sig", "محمد علي"),
        ("utf-16", "Zoë 🚀"),
        ("utf-16-le", "Łukasz Żółć"),
        ("utf-16-be", "Иван Петров"),
        ("cp1252", "José Peña"),
        ("cp1252", "Jürgen Großmann"),
        ("cp1252", "Zoë O’Neill"),
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_usual_encodings_and_separators_are_noticed(
    tmp_path: Path, encoding: str, name: str, delimiter: str
) -> None:
    text = f"{HEADER}\r\n17,{name},Küche,,a.jpg\r\n".replace(",", delimiter)
    staff = read(tmp_path, text.encode(encoding))
    assert names(staff) == [name]
    assert good(staff)[0].person.department == "Küche"
    assert staff.delimiter == delimiter


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("gb18030", "王小明"),
        ("cp932", "山田太郎"),
        ("cp949", "김민준"),
        ("cp1251", "Иван Петров"),
        ("cp1250", "Łukasz Żółkiewski"),
        ("cp1256", "محمد علي"),
    ],
)
def test_other_encodings_are_never_guessed_but_may_be_named(
    tmp_path: Path, encoding: str, name: str
) -> None:
    content = f"staff_id;name;photo\n17;{name};a.jpg\n".encode(encoding)
    with pytest.raises(InputError, match="CSV UTF-8"):
        read(tmp_path, content)
    assert names(read(tmp_path, content, encoding=encoding)) == [name]


def test_an_encoding_that_does_not_exist_or_fit_is_named(tmp_path: Path) -> None:
    content = f"{HEADER}\n17,Zoë,,,a.jpg\n"
    with pytest.raises(InputError, match="no encoding named «utf-99»"):
        read(tmp_path, content, encoding="utf-99")
    with pytest.raises(InputError, match="as ascii"):
        read(tmp_path, content, encoding="ascii")


@pytest.mark.parametrize(
    "header",
    [
        "Staff ID , NAME,Photo",
        "STAFF-ID,name,photo",
        '"staff_id","Name","PHOTO"',
        "staff id,name,photo",
    ],
)
def test_the_header_may_be_written_in_other_ways(tmp_path: Path, header: str) -> None:
    assert names(read(tmp_path, f"{header}\n17,Ada,a.jpg\n")) == ["Ada"]


def test_columns_may_stand_in_any_order_beside_others(tmp_path: Path) -> None:
    staff = read(tmp_path, "photo,salary,name,staff_id\na.jpg,1,Ada,17\n")
    assert names(staff) == ["Ada"]
    assert staff.ignored == ("salary",)


def test_a_missing_column_is_named_with_those_found(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no column name; it has id, staff_id"):
        read(tmp_path, "id,staff_id\n1,17\n")


def test_without_a_photo_column_a_person_has_no_named_photos(tmp_path: Path) -> None:
    (row,) = good(read(tmp_path, "staff_id,name\n17,Ada\n"))
    assert row.photos == ()


def test_a_column_that_is_there_twice_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="column name twice"):
        read(tmp_path, "staff_id,name,Name,photo\n1,a,b,c\n")


def test_a_second_row_with_a_staff_id_names_both_lines(tmp_path: Path) -> None:
    staff = read(tmp_path, f"{HEADER}\n17,Ada,,,a.jpg\n18,Bob,,,b.jpg\n17,Eve,,,e.jpg\n")
    bad = the_bad_row(staff)
    assert (bad.line, bad.staff_id) == (4, "17")
    assert "line 2 and on line 4" in str(bad.error)
    assert len(staff.rows) == 3


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    text = f'{HEADER}\n\n17,"Ada\nLovelace",,,a.jpg\n,,,,\n18,,,,b.jpg\n'
    staff = read(tmp_path, text)
    assert [row.line for row in staff.rows] == [3, 6]
    assert the_bad_row(staff).line == 6
    assert "name is empty" in str(the_bad_row(staff).error)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (",Ada,,,a.jpg", "not a staff id"),
        ("a b,Ada,,,a.jpg", "not a staff id"),
        ("=1+1,Ada,,,a.jpg", "not a staff id"),
        (f"17,{'x' * 201},,,a.jpg", "201 characters"),
        ("17,A\u202eda,,,a.jpg", "cannot be shown"),
        ("17,Ada,,,a.jpg,extra", "6 cells"),
        ("17,Ada,,,../../etc/passwd", "not inside the photo folder"),
        ("17,Ada,,,/etc/passwd", "not inside the photo folder"),
        ("17,Ada,,,C:\\a.jpg", "not inside the photo folder"),
        ("17,Ada,,,..\\a.jpg", "not inside the photo folder"),
    ],
)
def test_one_bad_row_does_not_stop_the_rest(tmp_path: Path, row: str, sentence: str) -> None:
    staff = read(tmp_path, f"{HEADER}\n1,First,,,a.jpg\n{row}\n2,Last,,,b.jpg\n")
    assert len(staff.rows) == 3
    assert the_bad_row(staff) is staff.rows[1]
    assert sentence in str(the_bad_row(staff).error)


def test_a_short_row_leaves_the_rest_empty(tmp_path: Path) -> None:
    (row,) = good(read(tmp_path, "staff_id,name,photo,shift\n17,Ada\n"))
    assert (row.photos, row.person.shift) == ((), "")


def test_a_name_may_hold_the_separator_and_quotes(tmp_path: Path) -> None:
    staff = read(tmp_path, f'{HEADER}\n17,"Lovelace, ""Ada""",,,a.jpg\n')
    assert names(staff) == ['Lovelace, "Ada"']


def test_the_line_that_names_the_separator_is_understood(tmp_path: Path) -> None:
    staff = read(tmp_path, "sep=;\r\nstaff_id;name;photo\r\n17;Ada;a.jpg\r\n;;x\r\n")
    assert staff.rows[0] == StaffRow(
        3, good(StaffFile(staff.rows[:1], "", ""))[0].person, ("a.jpg",)
    )
    assert the_bad_row(staff).line == 4


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_on_any_system(tmp_path: Path, ending: str) -> None:
    assert names(read(tmp_path, ending.join([HEADER, "17,Ada,,,a", "18,Bob,,,b"]))) == [
        "Ada",
        "Bob",
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\n\n  \n", "is empty"),
        (b"PK\x03\x04rest of a workbook", "is a spreadsheet"),
        (b"\xd0\xcf\x11\xe0old workbook", "is a spreadsheet"),
        (b"staff_id,name,photo\n1,\x00\x01\xff,a.jpg\n", "cannot be read"),
        (b'staff_id,name,photo\n1,Ada,a.jpg\n2,"Bob,b.jpg\n3,Eve,e.jpg\n', "from line 3 on"),
        (b"\xff\xfe" + "staff_id,name,photo".encode("utf-16-le") + b"\x00", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_as_a_whole(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        read(tmp_path, content)


def test_a_file_that_is_missing_a_folder_or_huge_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        read_staff_csv(tmp_path / "missing.csv")
    with pytest.raises(InputError, match="is a directory"):
        read_staff_csv(tmp_path)
    with (tmp_path / "huge.csv").open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)
    with pytest.raises(InputError, match="at most 32"):
        read_staff_csv(tmp_path / "huge.csv")


def test_ten_thousand_rows_are_read_and_counted(tmp_path: Path) -> None:
    lines = [
        f"{number},Person {number},Department {number % 7},,{number}.jpg"
        for number in range(10_000)
    ]
    lines[5_000] = "4999,Twin,,,x.jpg"
    staff = read(tmp_path, "\n".join([HEADER, *lines]))
    assert len(staff.rows) == 10_000
    assert "line 5001 and on line 5002" in str(the_bad_row(staff).error)


TEXTS = st.text(
    st.characters(categories=["L", "N"], exclude_characters="\0"), min_size=1, max_size=20
)


@settings(deadline=None)
@given(
    people=st.lists(
        st.tuples(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,10}", fullmatch=True), TEXTS),
        min_size=1,
        max_size=8,
        unique_by=lambda pair: pair[0],
    ),
    delimiter=st.sampled_from([",", ";", "\t"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_the_csv_module_writes_is_read_back(
    people: list[tuple[str, str]],
    delimiter: str,
    encoding: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    import unicodedata

    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter)
    writer.writerow(["staff_id", "name", "photo"])
    writer.writerows([staff_id, f"{name}, {name}", f"{staff_id}.jpg"] for staff_id, name in people)
    staff = read(tmp_path_factory.mktemp("staff"), stream.getvalue().encode(encoding))
    expected = [
        (staff_id, unicodedata.normalize("NFC", f"{name}, {name}"), (f"{staff_id}.jpg",))
        for staff_id, name in people
    ]
    found = [(row.person.staff_id, row.person.name, row.photos) for row in good(staff)]
    assert found == expected


@given(content=st.binary(max_size=300))
@settings(deadline=None)
def test_any_bytes_give_rows_or_a_sentence(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    try:
        staff = read(tmp_path_factory.mktemp("staff"), b"staff_id,name,photo\n" + content)
    except InputError:
        return
    lines = [row.line for row in staff.rows]
    assert lines == sorted(set(lines))
    assert all(2 <= line <= len(content) + 2 for line in lines)
