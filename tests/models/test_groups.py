"""The group file and the rates by group."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attendance.errors import InputError
from models.groups import GroupFile, break_down, check_groups, read_groups
from models.lfw import Roc, number_faces
from tests.models.made_up import faces_of, vectors_of

GOOD = "name,group\nAda,a\nBob/Bob_0002,b\n\nBob, c\n"


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "groups.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_what_is_said_of_a_picture_goes_before_what_is_said_of_its_person(
    tmp_path: Path, mark: str
) -> None:
    groups = read_groups(written(tmp_path, mark + GOOD))
    assert groups.group_of(("Ada", 7)) == "a"
    assert groups.group_of(("Bob", 2)) == "b"
    assert groups.group_of(("Bob", 1)) == "c"
    assert groups.group_of(("Cy", 1)) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("name,group\n", "holds no row below its header"),
        ("Ada,a\n", "line 1: expected the header name,group"),
        ("name;group\nAda;a\n", "line 1: expected the header name,group"),
        ("name,group\nAda\n", "line 2: 1 columns, expected name and group"),
        ("name,group\nAda,a\nBob,b,c\n", "line 3: 3 columns, expected name and group"),
        ("name,group\n,a\n", "line 2: the name is empty"),
        ("name,group\nAda,\n", "line 2: the group is empty"),
        ("name,group\nAda,a\x07b\n", "line 2: the group has characters that cannot be printed"),
        ("name,group\nAda,a\n\nAda,b\n", "line 4: «Ada» stands in line 2 already"),
        ("name,group\nA/A_0001,a\nA/A_00001,b\n", "line 3: «A/A_00001» stands in line 2 already"),
        ("name,group\nAda/Bob_0001,a\n", "line 2: «Ada/Bob_0001» is neither Name nor"),
        ("name,group\nAda/Ada_1,a\n", "line 2: «Ada/Ada_1» is neither Name nor"),
        ('name,group\n"Ada,a\n', "line 2: not CSV"),
        (b"name,group\nJos\xe9,a\n", "is not UTF-8 text"),
    ],
)
def test_a_malformed_group_file_is_refused_with_its_line(
    tmp_path: Path, text: str | bytes, sentence: str
) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)):
        read_groups(written(tmp_path, text))


def test_a_group_file_that_is_not_there_or_is_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no group file"):
        read_groups(tmp_path / "none.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read_groups(tmp_path)


names = st.text(st.characters(categories=("L", "N", "P"), exclude_characters="/"), min_size=1)


@settings(max_examples=50, deadline=None)
@given(table=st.dictionaries(names, names, min_size=1))
def test_every_table_that_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, table: dict[str, str]
) -> None:
    path = tmp_path_factory.mktemp("groups") / "groups.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("name", "group"), *table.items()])
    assert read_groups(path).people == table


def test_names_without_a_picture_are_counted_and_named() -> None:
    groups = GroupFile({"Ada": "a", "Nixon": "b"}, {("Ada", 2): "b", ("Ada", 1): "a"})
    note = check_groups(groups, [("Ada", 1)], path=Path("g.csv"))
    assert note == "2 names in g.csv without a picture: Ada/Ada_0002, Nixon."
    assert check_groups(groups, [("Ada", 1), ("Ada", 2), ("Nixon", 1)], path=Path("g.csv")) == ""


def test_a_group_file_about_nobody_here_is_refused() -> None:
    with pytest.raises(InputError, match=r"No picture has a group in g\.csv"):
        check_groups(GroupFile({"Nixon": "a"}, {}), [("Ada", 1)], path=Path("g.csv"))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), lost=st.integers(0, 4))
def test_the_rates_of_a_group_agree_with_counting_its_pairs(seed: int, lost: int) -> None:
    rng = np.random.default_rng(seed)
    faces = faces_of(rng, people=70, most=4, lost=lost)
    vectors = vectors_of(rng, faces, noise=1.5)
    pictures = (*faces.pictures, *faces.lost)
    labels = {picture: str(rng.choice(["a", "b", "-"])) for picture in pictures}
    groups = GroupFile({}, {one: label for one, label in labels.items() if label != "-"})
    # Low thresholds, so that there are many false matches to count.
    overall = Roc({"1e-3": 1, "1e-5": 1}, {"1e-3": 0.08, "1e-4": 0.3, "1e-5": 0.4}, 1, 1)
    found = break_down(vectors, faces, groups, overall=overall)
    assert found.ungrouped == sum(label == "-" for label in labels.values())
    assert found.thresholds == {"1e-3": 0.08, "1e-4": 0.3}
    rows = dict(zip(faces.pictures, vectors, strict=True))
    for group in found.groups:
        members = [picture for picture in pictures if labels[picture] == group.name]
        assert (group.pictures, group.people) == (len(members), len({n for n, _ in members}))
        counts = {True: 0, False: 0}
        accepted = {True: 0, False: 0}
        for index, one in enumerate(members):
            for other in members[:index]:
                same = one[0] == other[0]
                counts[same] += 1
                if one in rows and other in rows:
                    accepted[same] += bool(rows[one] @ rows[other] > 0.08)
        assert (group.genuine_pairs, group.impostor_pairs) == (counts[True], counts[False])
        # A pair that lies on the threshold may count either way: the last bit differs.
        rates = group.rates["1e-3"]
        assert rates.false_matches == pytest.approx(accepted[False], abs=1)
        assert rates.fmr == rates.false_matches / counts[False]
        assert rates.tar == pytest.approx(accepted[True] / counts[True], abs=1 / counts[True])


def test_a_group_without_pairs_has_no_rates() -> None:
    faces = number_faces([("Ada", 1)], lost=[])
    overall = Roc({"1e-3": 1.0}, {"1e-3": 0.5}, 1, 1000)
    rows = np.eye(128, dtype=np.float32)[:1]
    (group,) = break_down(rows, faces, GroupFile({"Ada": "a"}, {}), overall=overall).groups
    assert (group.genuine_pairs, group.impostor_pairs) == (0, 0)
    assert (group.rates["1e-3"].tar, group.rates["1e-3"].fmr) == (None, None)
