"""The shipped portraits: all there, all accounted for, and enough for the demo."""

from pathlib import Path

from inference.portraits import portraits
from tests.inference.perception_kit import portrait, reader


def test_every_shipped_picture_is_a_portrait_with_a_known_origin() -> None:
    folder = portraits()[0].path.parent
    shipped = {path.name for path in folder.iterdir() if path.suffix in (".jpg", ".png")}
    assert {p.path.name for p in portraits()} == shipped
    provenance = (folder / "PROVENANCE.md").read_text(encoding="utf-8")
    for name in shipped:
        assert f"`{name}`" in provenance


def test_somebody_is_enrolled_somebody_returns_and_somebody_is_a_stranger() -> None:
    enrolled = {p.person_id for p in portraits() if p.role == "enrol"}
    visiting = {p.person_id for p in portraits() if p.role == "visit"}
    assert {p.role for p in portraits()} == {"enrol", "visit"}
    assert len(enrolled) >= 3
    assert enrolled & visiting
    assert visiting - enrolled


def test_a_visit_is_nearest_to_its_own_person() -> None:
    def vec(path: Path) -> list[float]:
        (look,) = reader().read(portrait(path.name))
        return [float(v) for v in look.embedding.vec]

    enrolled = {p.person_id: vec(p.path) for p in portraits() if p.role == "enrol"}
    for visit in (p for p in portraits() if p.role == "visit"):
        seen = vec(visit.path)
        cosine = {
            person: sum(a * b for a, b in zip(known, seen, strict=True))
            for person, known in enrolled.items()
        }
        nearest = max(cosine, key=cosine.__getitem__)
        if visit.person_id in enrolled:
            assert nearest == visit.person_id
            assert cosine[nearest] > 0.6
        else:
            assert cosine[nearest] < 0.4
