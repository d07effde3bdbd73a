import re
from importlib import resources
from pathlib import Path

import pytest

from attendance.config import KEYS, default_settings, flatten, load_settings
from attendance.errors import ConfigError


def test_every_key_has_a_default_and_a_comment() -> None:
    text = resources.files("attendance").joinpath("default_config.toml").read_text("utf-8")
    lines = text.splitlines()
    assert set(flatten(default_settings())) == set(KEYS)
    section = ""
    for number, line in enumerate(lines):
        if line.startswith("["):
            section = line.strip("[]")
        if re.match(r"\w+ = ", line):
            assert f"{section}.{line.split(' = ')[0]}" in KEYS
            above = lines[number - 1]
            assert above.startswith("#") or " = " in above, f"{line} has no comment"


def test_the_later_place_wins(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('[kiosk]\nname = "Gate"\ncooldown_s = 30\n', encoding="utf-8")
    environ = {"CLOCKFACE_KIOSK__COOLDOWN_S": "40", "CLOCKFACE_SOURCE__ADDRESS": "1", "HOME": "/"}
    settings = load_settings(file, environ=environ, overrides=["source.address=clip.mp4"])
    assert settings.kiosk.name == "Gate"
    assert settings.kiosk.cooldown_s == 40.0
    assert settings.source.address == "clip.mp4"
    assert settings.kiosk.mirror is True


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("kiosk.coldown_s=1", ["kiosk.coldown_s", "kiosk.cooldown_s"]),
        ("kiosk.cooldown_s=-1", ["kiosk.cooldown_s", "between 0 and 86400"]),
        ("kiosk.cooldown_s=nan", ["kiosk.cooldown_s", "between"]),
        ("kiosk.cooldown_s=soon", ["kiosk.cooldown_s", "a number"]),
        ("inference.threads=1.5", ["inference.threads", "whole number"]),
        ("inference.threads=0", ["inference.threads", "between 1 and 64"]),
        ("inference.precision=int4", ["int4", "int8, fp32, auto"]),
        ("inference.providers=cpu,tpu", ["tpu", "cuda"]),
        ("inference.providers=", ["inference.providers", "at least one"]),
        ("kiosk.mirror=perhaps", ["kiosk.mirror", "true or false"]),
        ("kiosk.workday_starts=25:00", ["kiosk.workday_starts", "04:00"]),
        ("kiosk.workday_starts=04:00+02:00", ["kiosk.workday_starts", "04:00"]),
        ("recognition.min_looks=1", ["recognition.min_looks", "between 2 and 30"]),
        ("nonsense", ["nonsense", "section.key=value"]),
    ],
)
def test_a_bad_setting_is_named_with_what_is_wrong(override: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(environ={}, overrides=[override])
    for word in words:
        assert word in str(caught.value)


def test_an_unknown_section_of_a_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[kioks]\nname = 'x'\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"«kioks».*«kiosk»"):
        load_settings(file, environ={})


@pytest.mark.parametrize("content", [b"[kiosk\n", b"\xff\xfe\x00", b"kiosk = 3\n"])
def test_a_broken_file_is_reported_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"settings\.toml"):
        load_settings(file, environ={})
    assert file.read_bytes() == content


def test_a_change_is_a_new_object() -> None:
    before = default_settings()
    after = before.with_values({"kiosk.cooldown_s": 5})
    assert before.kiosk.cooldown_s == 60.0
    assert after.kiosk.cooldown_s == 5.0


def test_settings_survive_being_flattened() -> None:
    settings = default_settings().with_values({"inference.providers": ["cuda", "cpu"]})
    assert default_settings().with_values(flatten(settings)) == settings
