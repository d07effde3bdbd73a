"""Five people of the development clips, enrolled from one frame each, walk up to the kiosk."""

import json
from pathlib import Path

import pytest
from PIL import Image

import main
from attendance.clock import SystemClock
from attendance.config import default_settings
from attendance.types import BgrImage
from inference.sources import open_source

FIVE = {
    "person-d0": "genuine/person-d0.mp4",
    "person-d12": "genuine/person-d12.mp4",
    "person-d18": "genuine/person-d18.mp4",
    "person-d3": "genuine/person-d3.mp4",
    "turning-male": "genuine/turning-male.gif",
}
# The man of turning-male.gif is one of the two in turning-two.gif.
ALSO_SHOWS = {"turning-two.gif": {"turning-male"}}


def frame_of(clip: Path, *, number: int) -> BgrImage:
    settings = default_settings().source
    source = open_source(str(clip), settings=settings, clock=SystemClock(), fast=True)
    source.open()
    try:
        for _ in range(number):
            source.read()
        frame = source.read()
    finally:
        source.close()
    assert frame is not None, f"{clip.name} has no frame {number}"
    return frame.bgr


@pytest.mark.timeout(900)
def test_everybody_enrolled_is_punched_and_nobody_else(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = sorted(path for path in (shared_data / "clips").glob("*/*") if path.is_file())
    assert len(clips) >= 10
    for person_id, own in FIVE.items():
        photo = tmp_path / f"{person_id}.png"
        frame = frame_of(shared_data / "clips" / own, number=12)
        Image.fromarray(frame[:, :, ::-1]).save(photo)
        arguments = ["enrol", "--data-dir", str(tmp_path / "data"), "--id", person_id]
        assert main.main([*arguments, "--name", person_id, str(photo)]) == 0

    wrong: list[str] = []
    missing = set(FIVE)
    for clip in clips:
        capsys.readouterr()
        code = main.main(
            [
                "kiosk",
                "--data-dir",
                str(tmp_path / "data"),
                "--headless",
                "--json",
                "--fast",
                "--source",
                str(clip),
                "--set",
                "kiosk.cooldown_s=0",
            ]
        )
        assert code == 0, clip.name
        expected = ALSO_SHOWS.get(clip.name, set()) | {
            person_id for person_id, own in FIVE.items() if own.endswith(clip.name)
        }
        for line in capsys.readouterr().out.splitlines():
            event = json.loads(line)
            if event["event"] == "punch":
                if event["person_id"] in expected:
                    missing.discard(event["person_id"])
                else:
                    wrong.append(f"{clip.name}: {event}")
    assert wrong == []
    assert missing == set()
