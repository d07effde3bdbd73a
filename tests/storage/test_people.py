"""People and templates."""

from dataclasses import replace

import numpy as np
import pytest

from attendance.errors import InputError
from attendance.types import Embedding, PersonState, Template
from storage.store import Store
from tests.storage.support import (
    MODEL,
    START,
    FakeClock,
    accepted,
    clocking_rules,
    embedding,
    person,
    template,
)

ALL = tuple(PersonState)


def names(store: Store, search: str = "") -> list[str]:
    return [row.person.name for row in store.people(search=search).result()]


def test_a_person_comes_back_as_enrolled(store: Store) -> None:
    ada = person(department="Analysis")
    stored = store.enrol(ada, [template("17")], operator="test").result()
    assert stored == replace(ada, created_utc=START)
    assert store.person("17").result() == stored


def test_a_template_comes_back_bit_for_bit(store: Store) -> None:
    given = template("17", seed=5, view="left")
    store.enrol(person(), [given], operator="test").result()
    (stored,) = store.templates_of("17").result()
    assert np.array_equal(stored.embedding.vec, given.embedding.vec)
    assert stored.embedding.vec.dtype == np.float32
    assert not stored.embedding.vec.flags.writeable
    assert (stored.view, stored.quality, stored.embedding.model_id) == ("left", 0.75, MODEL)
    assert stored.template_id > 0
    assert stored.created_utc == START


def test_a_taken_staff_id_is_refused_with_the_name_of_its_owner(store: Store) -> None:
    store.enrol(person(), [template("17")], operator="test").result()
    with pytest.raises(InputError, match="already belongs to Ada Lovelace"):
        store.enrol(person(name="Bob"), [template("17", seed=1)], operator="test").result()
    assert names(store) == ["Ada Lovelace"]
    assert len(store.templates_of("17").result()) == 1


def test_enrolment_with_one_bad_template_stores_nothing(store: Store) -> None:
    bad = Template("17", Embedding(np.zeros(128, np.float32), MODEL), quality=1.0)
    with pytest.raises(ValueError, match="unit length"):
        store.enrol(person(), [template("17"), bad], operator="test").result()
    assert store.people(states=ALL).result() == ()
    assert store.gallery_rows(model_id=MODEL).result().staff_ids == ()


@pytest.mark.parametrize(
    "bad",
    [
        Embedding(np.full(128, np.nan, np.float32), MODEL),
        Embedding(np.ones(127, np.float32), MODEL),
        Embedding(np.eye(128, dtype=np.float32)[0] * 2, MODEL),
        Embedding(np.eye(128, dtype=np.float32)[0], ""),
    ],
)
def test_what_is_no_embedding_is_a_bug_and_not_stored(store: Store, bad: Embedding) -> None:
    with pytest.raises(ValueError, match="embedding"):
        store.enrol(person(), [Template("17", bad, quality=1.0)], operator="test").result()


def test_a_template_of_another_person_is_a_bug(store: Store) -> None:
    with pytest.raises(ValueError, match="another person"):
        store.enrol(person("17"), [template("18")], operator="test").result()


def test_replacing_templates_removes_the_old_ones_and_adding_keeps_them(store: Store) -> None:
    store.enrol(person(), [template("17", seed=n) for n in range(3)], operator="test").result()
    store.replace_templates("17", [template("17", seed=7)], operator="test").result()
    assert len(store.templates_of("17").result()) == 1
    store.add_templates("17", [template("17", seed=8)], operator="test").result()
    assert len(store.templates_of("17").result()) == 2


def test_new_pictures_and_the_consent_to_them_are_stored_together(
    store: Store, clock: FakeClock
) -> None:
    store.enrol(person(), [template("17")], operator="test").result()
    agreed = clock.forward(days=3)
    new = [template("17", seed=7)]
    store.replace_templates("17", new, operator="test", consent_utc=agreed).result()
    found = store.person("17").result()
    assert found is not None
    assert found.consent_utc == agreed


def test_a_confirmed_lookalike_stands_in_the_audit(store: Store) -> None:
    store.enrol(person(), [template("17")], operator="hr", lookalike="16").result()
    store.replace_templates("17", [template("17")], operator="hr", lookalike="15").result()
    details = [row.detail.get("confirmed_not_to_be") for row in store.audit_rows().result()]
    assert [each for each in details if each] == ["15", "16"]


def test_template_ids_are_never_used_again(store: Store) -> None:
    store.enrol(person(), [template("17")], operator="test").result()
    (first,) = store.templates_of("17").result()
    store.replace_templates("17", [template("17")], operator="test").result()
    (second,) = store.templates_of("17").result()
    assert second.template_id > first.template_id


@pytest.mark.parametrize("call", ["replace_templates", "add_templates"])
def test_templates_for_nobody_are_refused(store: Store, call: str) -> None:
    with pytest.raises(InputError, match="Nobody has the staff id 99"):
        getattr(store, call)("99", [template("99")], operator="test").result()


def test_the_gallery_holds_active_people_of_one_model_grouped_by_person(store: Store) -> None:
    store.enrol(person("b"), [template("b", seed=1), template("b", seed=2)], operator="t").result()
    store.enrol(person("a"), [template("a", seed=3)], operator="t").result()
    store.enrol(person("c"), [template("c", seed=4)], operator="t").result()
    store.add_templates("b", [template("b", seed=5, model_id="other")], operator="t").result()
    store.set_state("c", PersonState.INACTIVE, operator="t").result()
    rows = store.gallery_rows(model_id=MODEL).result()
    assert rows.staff_ids == ("a", "b", "b")
    assert rows.vectors.dtype == np.float32
    expected = np.stack([embedding(n).vec for n in (3, 1, 2)])
    assert np.array_equal(rows.vectors, expected)
    assert not rows.vectors.flags.writeable


def test_people_with_templates_of_another_network_only_are_named_and_left_out(
    store: Store,
) -> None:
    store.enrol(person("new"), [template("new", seed=1)], operator="t").result()
    store.enrol(person("old"), [template("old", seed=2, model_id="other")], operator="t").result()
    store.enrol(person("both"), [template("both", seed=3)], operator="t").result()
    store.add_templates("both", [template("both", seed=4, model_id="other")], operator="t").result()
    store.enrol(person("none"), [], operator="t").result()
    store.enrol(person("gone"), [template("gone", seed=5, model_id="other")], operator="t").result()
    store.set_state("gone", PersonState.INACTIVE, operator="t").result()
    rows = store.gallery_rows(model_id=MODEL).result()
    assert rows.staff_ids == ("both", "new")
    assert rows.other_staff_ids == ("old",)
    assert store.gallery_rows(model_id="other").result().other_staff_ids == ("new",)
    models = {row.person.staff_id: row.model_ids for row in store.people().result()}
    assert models["both"] == {MODEL, "other"}
    assert models["old"] == {"other"}
    assert not models["none"]


def test_an_empty_gallery_still_has_128_columns(store: Store) -> None:
    assert store.gallery_rows(model_id=MODEL).result().vectors.shape == (0, 128)


def test_updating_changes_details_and_never_the_state(store: Store, clock: FakeClock) -> None:
    store.enrol(person(), [], operator="test").result()
    store.set_state("17", PersonState.INACTIVE, operator="test").result()
    clock.forward(days=1)
    new = replace(person(name="Ada King", department="Sales"), shift="late")
    stored = store.update_person(new, operator="test").result()
    assert stored == store.person("17").result()
    assert (stored.name, stored.department, stored.shift) == ("Ada King", "Sales", "late")
    assert stored.state is PersonState.INACTIVE
    assert stored.created_utc == START
    with pytest.raises(InputError, match="Nobody"):
        store.update_person(person("99"), operator="test").result()


def test_a_changed_name_is_found_and_the_old_one_is_not(store: Store) -> None:
    store.enrol(person(name="Ada Byron"), [], operator="test").result()
    store.update_person(person(name="Ada King"), operator="test").result()
    assert names(store, "king") == ["Ada King"]
    assert names(store, "byron") == []


@pytest.mark.parametrize(
    ("name", "search"),
    [
        ("Zoë Łukaszewicz", "zoe ŁUKA"),
        ("José Núñez", "nunez jose"),
        ("Straße", "STRASSE"),
        ("İpek Yılmaz", "ipek"),
        ("Ἀθηνᾶ Παπαδοπούλου", "ΠΑΠΑΔΟΠΟΎΛΟΥ"),
        ("王小明", "小明"),
        ("محمد علي", "علي"),
        ("Ａｄａ", "ada"),
        ("김민준", "민준"),
        ("100% _Percent\\", "% _p"),
        ("Rocket 🚀 Person", "🚀"),
    ],
)
def test_names_of_any_script_are_found(store: Store, name: str, search: str) -> None:
    store.enrol(person("1", name=name), [], operator="test").result()
    store.enrol(person("2", name="Somebody Else"), [], operator="test").result()
    assert names(store, search) == [name]


def test_search_reads_name_staff_id_and_department(store: Store) -> None:
    store.enrol(person("A-7", name="Ada", department="Küche"), [], operator="test").result()
    store.enrol(person("B-8", name="Bob", department="Lager"), [], operator="test").result()
    assert names(store, "a-7") == ["Ada"]
    assert names(store, "kuche") == ["Ada"]
    assert names(store, "bob lager") == ["Bob"]
    assert names(store, "bob kuche") == []
    assert names(store, "  ") == ["Ada", "Bob"]


def test_names_are_stored_in_normal_form_c(store: Store) -> None:
    decomposed = "Zoe\u0308"
    store.enrol(person(name=decomposed, department=decomposed), [], operator="test").result()
    stored = store.person("17").result()
    assert stored is not None
    assert (stored.name, stored.department) == ("Zoë", "Zoë")


def test_a_name_of_200_characters_comes_back(store: Store) -> None:
    name = "名" * 200
    store.enrol(person(name=name), [], operator="test").result()
    assert names(store, "名名") == [name]


def test_the_list_shows_templates_and_the_punch_stored_last(store: Store, clock: FakeClock) -> None:
    store.enrol(person("1", name="Ada"), [template("1")], operator="test").result()
    store.enrol(person("2", name="Bob"), [], operator="test").result()
    store.record(accepted("1"), rules=clocking_rules()).result()
    later = clock.forward(hours=2)
    second = store.record(accepted("1", at_utc=later), rules=clocking_rules()).result()
    ada, bob = store.people().result()
    assert (ada.template_count, ada.last_punch) == (1, second)
    assert (bob.template_count, bob.last_punch) == (0, None)


def test_the_list_is_sorted_without_regard_to_case_and_accents(store: Store) -> None:
    for number, name in enumerate(["zoe", "Émile", "Eva", "adam", "Ada"]):
        store.enrol(person(f"{number}", name=name), [], operator="test").result()
    assert names(store) == ["Ada", "adam", "Émile", "Eva", "zoe"]


def test_departments_are_listed_once(store: Store) -> None:
    for number, department in enumerate(["Zoo", "ärzte", "", "Zoo", "Büro"]):
        store.enrol(person(f"{number}", department=department), [], operator="test").result()
    assert store.departments().result() == ("ärzte", "Büro", "Zoo")


def test_erasing_keeps_person_and_punches_and_hides_the_person(store: Store) -> None:
    store.enrol(person(), [template("17"), template("17", seed=1)], operator="test").result()
    punch = store.record(accepted(), rules=clocking_rules()).result()
    assert store.erase("17", operator="test").result() == 2
    assert store.people().result() == ()
    (row,) = store.people(states=[PersonState.ERASED]).result()
    assert (row.person.state, row.last_punch) == (PersonState.ERASED, punch)
    assert store.templates_of("17").result() == ()
    assert store.gallery_rows(model_id=MODEL).result().staff_ids == ()
    with pytest.raises(InputError, match="Nobody"):
        store.erase("99", operator="test").result()


def test_an_erased_person_gets_no_template_but_by_a_new_enrolment(store: Store) -> None:
    store.enrol(person(), [template("17")], operator="test").result()
    store.erase("17", operator="test").result()
    with pytest.raises(InputError, match="was erased"):
        store.replace_templates("17", [template("17")], operator="test").result()
    with pytest.raises(InputError, match="cannot become active"):
        store.set_state("17", PersonState.ACTIVE, operator="test").result()
    again = store.enrol(person(), [template("17")], operator="test").result()
    assert again.state is PersonState.ACTIVE
    assert store.gallery_rows(model_id=MODEL).result().staff_ids == ("17",)


def test_the_staff_id_of_an_erased_person_does_not_go_to_somebody_else(store: Store) -> None:
    store.enrol(person(), [], operator="test").result()
    store.erase("17", operator="test").result()
    with pytest.raises(InputError, match="belonged to Ada Lovelace"):
        store.enrol(person(name="Bob"), [], operator="test").result()
    stored = store.person("17").result()
    assert stored is not None
    assert (stored.name, stored.state) == ("Ada Lovelace", PersonState.ERASED)


def test_setting_the_state_does_not_erase(store: Store) -> None:
    store.enrol(person(), [template("17")], operator="test").result()
    with pytest.raises(InputError, match="Erase"):
        store.set_state("17", PersonState.ERASED, operator="test").result()
    with pytest.raises(InputError, match="Nobody"):
        store.set_state("99", PersonState.ACTIVE, operator="test").result()
    assert len(store.templates_of("17").result()) == 1
