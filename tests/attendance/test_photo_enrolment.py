from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from attendance.config import default_settings
from attendance.errors import InputError, PictureError
from attendance.photo_enrolment import check_new_person, photos_of, read_photos
from attendance.staff_import import (
    BadRow,
    GrowingGallery,
    RowOutcome,
    StaffImport,
    StaffRow,
)
from attendance.types import BgrImage, Embedding, Match, Person, Template
from tests.attendance.builders import MODEL_ID, unit_vector
from tests.attendance.test_enrolment import Look, OnePersonGallery

SETTINGS = default_settings().enrolment


class EmptyGallery:
    model_id = MODEL_ID

    def __len__(self) -> int:
        return 0

    def search(self, embedding: Embedding, *, threshold: float) -> Match:
        return Match(None, -1.0, -1.0, threshold)


class FileNameReader:
    """Finds as many faces as the picture's first pixel says, of the person its second names."""

    model_id = MODEL_ID

    def read(self, frame_bgr: BgrImage) -> Sequence[Look]:
        count, who = int(frame_bgr[0, 0, 0]), int(frame_bgr[0, 0, 1])
        vector = unit_vector(*[1.0 if i == who else 0.0 for i in range(100)])
        return [Look(embedding=vector)] * count


def load(path: Path) -> BgrImage:
    """Read a stand-in for a photo: a text file «faces who»."""
    if not path.exists():
        raise PictureError(f"There is no photo {path.name}.")
    faces, who = path.read_text(encoding="ascii").split()
    return np.array([[[int(faces), int(who), 0]]], dtype=np.uint8)


def write_photo(folder: Path, name: str, *, faces: int = 1, who: int = 1) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{faces} {who}", encoding="ascii")
    return path


def test_bad_photos_are_left_out_with_the_reason_and_the_good_ones_kept(tmp_path: Path) -> None:
    photos = [
        write_photo(tmp_path, "good.jpg"),
        write_photo(tmp_path, "nobody.jpg", faces=0),
        write_photo(tmp_path, "two.jpg", faces=2),
        tmp_path / "missing.jpg",
    ]
    report = read_photos(photos, reader=FileNameReader(), load=load, settings=SETTINGS)
    assert [name for name, _ in report.looks] == ["good.jpg"]
    assert [name for name, _ in report.refused] == ["nobody.jpg", "two.jpg", "missing.jpg"]
    (template,) = report.templates("7")
    assert (template.staff_id, template.view) == ("7", "photo")


def test_a_face_that_is_enrolled_already_is_refused_by_its_staff_id() -> None:
    gallery = OnePersonGallery("9", unit_vector(1.0))
    with pytest.raises(InputError, match="already enrolled as 9"):
        check_new_person([("a.jpg", Look())], gallery=gallery, settings=SETTINGS)
    check_new_person([("a.jpg", Look())], gallery=gallery, settings=SETTINGS, ignore="9")


def test_photos_are_found_by_the_staff_id(tmp_path: Path) -> None:
    for name in ("7.jpg", "7-2.PNG", "7_front.webp", "7/x.jpg", "70.jpg", "7.txt", "a7.jpg"):
        write_photo(tmp_path, name)
    names = [path.relative_to(tmp_path).as_posix() for path in photos_of("7", tmp_path)]
    assert sorted(names) == ["7-2.PNG", "7.jpg", "7/x.jpg", "7_front.webp"]


def test_named_photos_are_taken_in_their_order(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.jpg"):
        write_photo(tmp_path, name)
    found = photos_of("7", tmp_path, named=("b.jpg", "a.jpg"))
    assert [path.name for path in found] == ["b.jpg", "a.jpg"]


@pytest.mark.parametrize("name", ["../secret.jpg", "/etc/passwd", "sub/../../secret.jpg"])
def test_a_photo_outside_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    write_photo(tmp_path, "secret.jpg")
    with pytest.raises(InputError, match="outside the photos folder"):
        photos_of("7", folder, named=(name,))


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "7.jpg").symlink_to(write_photo(tmp_path, "secret.jpg"))
    with pytest.raises(InputError, match="outside"):
        photos_of("7", folder, named=("7.jpg",))


class Import:
    def __init__(self, folder: Path, *, dry_run: bool = False) -> None:
        self.stored: dict[str, tuple[Template, ...]] = {}
        self.staff_import = StaffImport(
            reader=FileNameReader(),
            load=load,
            gallery=GrowingGallery(EmptyGallery()),
            settings=SETTINGS,
            photos_dir=folder,
            is_taken=self.stored.__contains__,
            enrol=None if dry_run else self._enrol,
        )

    def _enrol(self, person: Person, templates: tuple[Template, ...]) -> None:
        self.stored[person.staff_id] = templates

    def run(self, *rows: StaffRow | BadRow) -> list[RowOutcome]:
        return list(self.staff_import.run(rows))


def test_one_bad_row_does_not_stop_the_rest(tmp_path: Path) -> None:
    write_photo(tmp_path, "1.jpg", who=1)
    write_photo(tmp_path, "2.jpg", faces=0)
    write_photo(tmp_path, "4.jpg", who=4)
    staff = Import(tmp_path)
    outcomes = staff.run(
        StaffRow(2, Person("1", "A")),
        StaffRow(3, Person("2", "B")),
        BadRow(4, "x y", InputError("«x y» is not a staff id.")),
        StaffRow(5, Person("3", "C")),
        StaffRow(6, Person("4", "D")),
    )
    assert [o.line for o in outcomes if o.problem is None] == [2, 6]
    assert set(staff.stored) == {"1", "4"}
    assert [o.problem for o in outcomes if o.problem] == [
        "No photo of this person could be used.",
        "«x y» is not a staff id.",
        "There is no photo.",
    ]


@pytest.mark.parametrize("dry_run", [True, False])
def test_the_same_face_twice_in_one_list_is_refused(tmp_path: Path, *, dry_run: bool) -> None:
    write_photo(tmp_path, "1.jpg", who=1)
    write_photo(tmp_path, "2.jpg", who=1)
    staff = Import(tmp_path, dry_run=dry_run)
    first, second = staff.run(StaffRow(2, Person("1", "A")), StaffRow(3, Person("2", "B")))
    assert first.problem is None
    assert second.problem is not None
    assert "already enrolled as 1" in second.problem
    assert set(staff.stored) == (set() if dry_run else {"1"})


def test_a_staff_id_that_is_taken_is_refused(tmp_path: Path) -> None:
    write_photo(tmp_path, "1.jpg")
    staff = Import(tmp_path)
    staff.stored["1"] = ()
    (outcome,) = staff.run(StaffRow(2, Person("1", "A")))
    assert outcome.problem is not None
    assert "taken" in outcome.problem


def test_a_growing_gallery_finds_every_template_it_was_given() -> None:
    gallery = GrowingGallery(EmptyGallery())
    vectors = [unit_vector(*np.random.default_rng(i).normal(size=128)) for i in range(100)]
    gallery.add(Template(str(i), vector, 1.0) for i, vector in enumerate(vectors))
    assert len(gallery) == 100
    for i, vector in enumerate(vectors):
        assert gallery.search(vector, threshold=0.9).person_id == str(i)
    assert gallery.search(unit_vector(1.0), threshold=0.9).person_id is None
