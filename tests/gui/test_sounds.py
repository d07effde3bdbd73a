"""The sounds: short, not clipped, and never a reason to stop."""

import shutil
import sys
import tempfile
import wave
from pathlib import Path

import pytest
from PySide6.QtCore import QProcess

from gui.messages import Sound
from gui.sounds import TONES, Sounds, tone_samples, write_sound


@pytest.mark.parametrize("sound", [Sound.ACCEPTED, Sound.REFUSED])
def test_a_sound_is_short_and_soft(tmp_path: Path, sound: Sound) -> None:
    write_sound(tmp_path / "tone.wav", TONES[sound])
    with wave.open(str(tmp_path / "tone.wav"), "rb") as stream:
        seconds = stream.getnframes() / stream.getframerate()
        assert (stream.getnchannels(), stream.getsampwidth()) == (1, 2)
    assert 0.1 < seconds < 0.5
    samples = tone_samples(TONES[sound])
    assert 4_000 < max(samples) < 16_000
    assert samples[0] == 0
    assert abs(samples[-1]) < 400


def test_the_two_sounds_differ() -> None:
    assert tone_samples(TONES[Sound.ACCEPTED]) != tone_samples(TONES[Sound.REFUSED])


def test_a_sound_is_handed_to_the_systems_player(monkeypatch: pytest.MonkeyPatch) -> None:
    started = list[tuple[str, list[str]]]()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(shutil, "which", lambda name: name if name == "aplay" else None)
    monkeypatch.setattr(QProcess, "startDetached", lambda p, a: started.append((p, a)))
    player = Sounds(enabled=True)
    player.play(Sound.ACCEPTED)
    player.play(Sound.NONE)
    assert [(program, arguments[0]) for program, arguments in started] == [("aplay", "-q")]
    assert Path(started[0][1][1]).stat().st_size > 1_000
    player.close()
    assert not Path(started[0][1][1]).exists()


def test_without_a_player_or_switched_off_nothing_happens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started = list[object]()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(QProcess, "startDetached", lambda *a: started.append(a))
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    Sounds(enabled=True).play(Sound.ACCEPTED)
    monkeypatch.setattr(shutil, "which", lambda name: name)
    Sounds(enabled=False).play(Sound.ACCEPTED)
    assert started == []


def test_a_full_disk_makes_the_kiosk_silent_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    player = Sounds(enabled=True)
    player.play(Sound.REFUSED)
    assert not player.enabled
