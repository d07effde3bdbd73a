from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attendance.config import RecognitionSettings, default_settings
from attendance.policy import KioskPolicy
from attendance.types import Accepted, Decision, QualityFlag, Reason, Rejected
from tests.attendance.builders import (
    MODEL_ID,
    make_match,
    make_quality,
    make_result,
    make_tracked,
)

SETTINGS = default_settings().recognition


def new_policy(settings: RecognitionSettings = SETTINGS) -> KioskPolicy:
    return KioskPolicy(settings, model_id=MODEL_ID)


def play(
    policy: KioskPolicy, person_ids: Sequence[str | None], *, every_s: float = 0.1
) -> list[Decision]:
    decisions: list[Decision] = []
    for i, person_id in enumerate(person_ids):
        match = make_match(person_id, similarity=0.7 if person_id else 0.2)
        decisions += policy.observe(make_result(i * every_s, make_tracked(1, match)))
    return decisions


def test_one_frame_never_decides_however_good_it_is() -> None:
    settings = replace(SETTINGS, min_looks=2, min_votes=0.1, min_span_s=0.0)
    match = make_match("7", similarity=1.0, runner_up=-1.0)
    face = make_tracked(1, match, quality=make_quality(score=1.0))
    assert new_policy(settings).observe(make_result(0.0, face)) == ()


def test_several_agreeing_looks_accept_the_person_once() -> None:
    decisions = play(new_policy(), ["7"] * 30)
    assert [type(d) for d in decisions] == [Accepted]
    accepted = decisions[0]
    assert isinstance(accepted, Accepted)
    assert accepted.person_id == "7"
    assert accepted.looks >= SETTINGS.min_looks
    assert accepted.similarity == pytest.approx(0.7)
    assert accepted.model_id == MODEL_ID


def test_looks_of_the_same_instant_are_not_enough() -> None:
    assert play(new_policy(), ["7"] * 10, every_s=0.001) == []


def test_a_person_seen_among_strangers_looks_is_not_accepted() -> None:
    decisions = play(new_policy(), ["7", None, None] * 12)
    assert not any(isinstance(d, Accepted) for d in decisions)


def test_two_people_voted_for_alternately_is_not_accepted() -> None:
    decisions = play(new_policy(), ["7", "8"] * 15)
    assert not any(isinstance(d, Accepted) for d in decisions)


def test_an_unknown_face_is_told_so_once_and_again_only_after_a_while() -> None:
    decisions = play(new_policy(), [None] * 60)
    assert [d.reason for d in decisions if isinstance(d, Rejected)] == [Reason.UNKNOWN]


def test_an_unknown_face_that_is_recognised_later_is_still_accepted() -> None:
    decisions = play(new_policy(), [None] * 20 + ["7"] * 50)
    assert isinstance(decisions[-1], Accepted)


def test_a_tie_between_two_people_is_rejected_as_a_tie() -> None:
    policy = new_policy()
    decisions: list[Decision] = []
    for i in range(30):
        match = make_match("7", similarity=0.7, runner_up=0.69)
        decisions += policy.observe(make_result(i * 0.1, make_tracked(1, match)))
    assert [d.reason for d in decisions if isinstance(d, Rejected)] == [Reason.TIE]
    assert not any(isinstance(d, Accepted) for d in decisions)


def test_unusable_looks_do_not_vote() -> None:
    policy = new_policy()
    blurred = make_quality(QualityFlag.BLURRED)
    for i in range(30):
        face = make_tracked(1, make_match("7"), quality=blurred)
        for decision in policy.observe(make_result(i * 0.1, face)):
            assert isinstance(decision, Rejected)


@pytest.mark.parametrize(
    ("flag", "reason"),
    [
        (QualityFlag.TOO_DARK, Reason.TOO_DARK),
        (QualityFlag.TOO_SMALL, Reason.COME_CLOSER),
        (QualityFlag.NOT_FRONTAL, Reason.LOOK_AT_CAMERA),
        (QualityFlag.CUT_OFF, Reason.MOVE_INTO_VIEW),
    ],
)
def test_a_lasting_fault_gives_one_hint(flag: QualityFlag, reason: Reason) -> None:
    policy = new_policy()
    decisions: list[Decision] = []
    for i in range(30):
        face = make_tracked(1, None, quality=make_quality(flag))
        decisions += policy.observe(make_result(i * 0.1, face))
    assert [d.reason for d in decisions if isinstance(d, Rejected)] == [reason]


def test_who_stands_behind_a_nearer_face_waits_until_it_is_gone() -> None:
    policy = new_policy()
    near = make_tracked(1, make_match("near"), size_px=200)
    far = make_tracked(2, make_match("far"), size_px=100)
    together: list[Decision] = []
    for i in range(20):
        together += policy.observe(make_result(i * 0.1, near, far))
    assert [d.person_id for d in together if isinstance(d, Accepted)] == ["near"]
    alone: list[Decision] = []
    for i in range(20, 40):
        alone += policy.observe(make_result(i * 0.1, far, lost=(1,) if i == 20 else ()))
    assert [d.person_id for d in alone if isinstance(d, Accepted)] == ["far"]


def test_the_nearest_face_that_looks_away_does_not_hold_up_the_next() -> None:
    policy = new_policy()
    away = make_tracked(1, None, size_px=200, quality=make_quality(QualityFlag.NOT_FRONTAL))
    looking = make_tracked(2, make_match("far"), size_px=100)
    decisions: list[Decision] = []
    for i in range(20):
        decisions += policy.observe(make_result(i * 0.1, away, looking))
    assert [d.person_id for d in decisions if isinstance(d, Accepted)] == ["far"]


def test_two_people_side_by_side_are_both_accepted() -> None:
    policy = new_policy()
    decisions: list[Decision] = []
    for i in range(20):
        faces = (
            make_tracked(1, make_match("7"), size_px=130),
            make_tracked(2, make_match("8"), size_px=120),
        )
        decisions += policy.observe(make_result(i * 0.1, *faces))
    assert {d.person_id for d in decisions if isinstance(d, Accepted)} == {"7", "8"}


def test_another_person_on_a_concluded_track_is_judged_anew() -> None:
    decisions = play(new_policy(), ["7"] * 10 + ["8"] * 80)
    assert [d.person_id for d in decisions if isinstance(d, Accepted)] == ["7", "8"]


def test_a_lost_track_takes_its_votes_along() -> None:
    policy = new_policy()
    face = make_tracked(1, make_match("7"))
    for i in range(2):
        assert policy.observe(make_result(i * 0.2, face)) == ()
    policy.observe(make_result(0.5, lost=(1,)))
    assert policy.observe(make_result(0.6, face)) == ()
    assert policy.progress(1) < 1.0


def test_progress_grows_to_one() -> None:
    policy = new_policy()
    seen = []
    for i in range(10):
        policy.observe(make_result(i * 0.1, make_tracked(1, make_match("7"))))
        seen.append(policy.progress(1))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert policy.progress(99) == 0.0


@given(
    looks=st.lists(
        st.tuples(
            st.sampled_from(["7", "8", None]),
            st.floats(0.0, 1.0),
            st.floats(0.01, 0.5),
            st.booleans(),
        ),
        max_size=60,
    )
)
def test_whatever_is_seen_an_accepted_person_had_enough_good_looks(
    looks: list[tuple[str | None, float, float, bool]],
) -> None:
    policy = new_policy()
    at_s = 0.0
    history: list[tuple[float, str | None, float]] = []
    for person_id, score, step_s, usable in looks:
        at_s += step_s
        quality = make_quality(*([] if usable else [QualityFlag.BLURRED]), score=score)
        match = make_match(person_id) if usable else None
        if usable:
            history.append((at_s, person_id, score))
        for decision in policy.observe(make_result(at_s, make_tracked(1, match, quality=quality))):
            if isinstance(decision, Accepted):
                window = [h for h in history if h[0] >= at_s - SETTINGS.window_s - 1e-6]
                own = [h for h in window if h[1] == decision.person_id]
                assert len(own) >= max(2, SETTINGS.min_looks)
                assert sum(h[2] for h in own) >= SETTINGS.min_votes - 1e-9
                assert own[-1][0] - own[0][0] >= SETTINGS.min_span_s - 1e-6
