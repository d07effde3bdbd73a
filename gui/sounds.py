"""Two short sounds, made here, played by what the system has; silent where it has nothing.

Qt's own sound module is not part of PySide6-Essentials.
"""

import array
import logging
import math
import shutil
import sys
import tempfile
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from PySide6.QtCore import QProcess

from gui.messages import Sound

logger = logging.getLogger(__name__)

RATE_HZ = 22_050
PEAK = 0.35
# (frequency in Hz, length in s) one after another
TONES: Mapping[Sound, Sequence[tuple[float, float]]] = MappingProxyType(
    {
        Sound.ACCEPTED: ((659.3, 0.09), (987.8, 0.16)),
        Sound.REFUSED: ((311.1, 0.12), (233.1, 0.20)),
    }
)
# Each plays one file and ends.
PLAYERS: Sequence[tuple[str, ...]] = (
    ("pw-play",),
    ("paplay",),
    ("aplay", "-q"),
    ("afplay",),
)


def tone_samples(tones: Sequence[tuple[float, float]]) -> "array.array[int]":
    """Return 16-bit mono samples of the tones, each rising and dying away softly."""
    samples = array.array("h")
    for frequency_hz, length_s in tones:
        count = round(length_s * RATE_HZ)
        for i in range(count):
            t_s = i / RATE_HZ
            rise = min(1.0, t_s / 0.008)
            fall = math.exp(-3.5 * i / count) * min(1.0, (count - i) / (0.01 * RATE_HZ))
            wave_form = math.sin(2 * math.pi * frequency_hz * t_s)
            overtone = 0.25 * math.sin(4 * math.pi * frequency_hz * t_s)
            samples.append(round(32_767 * PEAK * rise * fall * (wave_form + overtone) / 1.25))
    return samples


def write_sound(path: Path, tones: Sequence[tuple[float, float]]) -> None:
    samples = tone_samples(tones)
    if sys.byteorder == "big":
        samples.byteswap()
    with wave.open(str(path), "wb") as stream:
        stream.setnchannels(1)
        stream.setsampwidth(2)
        stream.setframerate(RATE_HZ)
        stream.writeframes(samples.tobytes())


class Sounds:
    """Plays a sound without waiting for it. Keeps its files in a temporary folder."""

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._player = next((p for p in PLAYERS if shutil.which(p[0])), None)

    def play(self, sound: Sound) -> None:
        player = ("winsound",) if sys.platform == "win32" else self._player
        if not self.enabled or player is None or sound is Sound.NONE:
            return
        try:
            path = self._file(sound)
        except OSError as error:  # no temporary folder, full disk: a sound is not worth a fault
            logger.warning("no sound can be written: %s", error)
            self.enabled = False
            return
        if sys.platform == "win32":
            import winsound

            winsound.PlaySound(str(path), winsound.SND_FILENAME | winsound.SND_ASYNC)
        else:
            QProcess.startDetached(player[0], [*player[1:], str(path)])

    def close(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _file(self, sound: Sound) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(
                prefix="clockface-sounds-", ignore_cleanup_errors=True
            )
        path = Path(self._folder.name) / f"{sound}.wav"
        if not path.exists():
            write_sound(path, TONES[sound])
        return path
