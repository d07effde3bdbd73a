"""The settings: one table of keys, four places they come from, one frozen object they become.

Order, later wins: default_config.toml, settings.toml of the data directory, environment variables
CLOCKFACE_SECTION__KEY, `--set section.key=value`. Ranges and choices stand in KEYS; the defaults
and the explanation of each key stand in default_config.toml.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import time
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from attendance.errors import ConfigError

ENV_PREFIX = "CLOCKFACE_"
SETTINGS_FILE = "settings.toml"
PROVIDERS = ("cuda", "directml", "openvino", "coreml", "cpu")

Value = bool | int | float | str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """What a setting may be. low, high: inclusive range of a number. choices: all there are."""

    kind: type[bool] | type[int] | type[float] | type[str] | type[tuple[str, ...]]
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    pattern: str = ""


_HH_MM = r"([01]\d|2[0-3]):[0-5]\d"
_DIRECTIONS = ("alternate", "in", "out", "ask")

KEYS: Mapping[str, Key] = MappingProxyType(
    {
        "kiosk.name": Key(str),
        "kiosk.company": Key(str),
        "kiosk.direction": Key(str, choices=_DIRECTIONS),
        "kiosk.cooldown_s": Key(float, 0, 86_400),
        "kiosk.workday_starts": Key(str, pattern=_HH_MM),
        "kiosk.zone": Key(str),
        "kiosk.idle_after_s": Key(float, 1, 3_600),
        "kiosk.result_card_s": Key(float, 1, 30),
        "kiosk.mirror": Key(bool),
        "kiosk.sound": Key(bool),
        "look.theme": Key(str, choices=("system", "light", "dark", "contrast")),
        "look.reduce_motion": Key(bool),
        "look.full_screen": Key(bool),
        "source.address": Key(str),
        "source.width_px": Key(int, 160, 7_680),
        "source.height_px": Key(int, 120, 4_320),
        "source.frozen_after_s": Key(float, 0.5, 60),
        "source.reconnect_min_s": Key(float, 0.05, 60),
        "source.reconnect_max_s": Key(float, 0.1, 600),
        "source.picture_hold_s": Key(float, 0.1, 60),
        "inference.network": Key(str),
        "inference.precision": Key(str, choices=("int8", "fp32", "auto")),
        "inference.providers": Key(tuple, choices=PROVIDERS),
        "inference.threads": Key(int, 1, 64),
        "inference.detector": Key(str, choices=("short", "full")),
        "inference.detect_threshold": Key(float, 0.1, 0.99),
        "inference.max_faces": Key(int, 1, 64),
        "quality.min_face_px": Key(float, 20, 1_000),
        "quality.min_face_share": Key(float, 0, 0.9),
        "quality.max_yaw_deg": Key(float, 5, 90),
        "quality.max_pitch_deg": Key(float, 5, 90),
        "quality.max_roll_deg": Key(float, 5, 90),
        "quality.min_brightness": Key(float, 0, 254),
        "quality.max_brightness": Key(float, 1, 255),
        "quality.min_sharpness": Key(float, 0, 10_000),
        "quality.min_mesh_score": Key(float, 0, 1),
        "recognition.false_accept_per_look": Key(float, 1e-6, 0.1),
        "recognition.min_threshold": Key(float, 0.2, 0.95),
        "recognition.min_margin": Key(float, 0, 0.5),
        "recognition.min_looks": Key(int, 2, 30),
        "recognition.min_votes": Key(float, 0.1, 30),
        "recognition.min_span_s": Key(float, 0, 10),
        "recognition.window_s": Key(float, 0.5, 30),
        "recognition.unknown_after_s": Key(float, 0.5, 30),
        "enrolment.captures": Key(int, 1, 5),
        "enrolment.duplicate_similarity": Key(float, 0.2, 0.95),
        "enrolment.same_person_similarity": Key(float, -1, 0.95),
        "enrolment.min_quality": Key(float, 0, 1),
        "storage.keep_backups": Key(int, 1, 100),
    }
)


@dataclass(frozen=True, slots=True)
class KioskSettings:
    name: str
    company: str
    direction: str
    cooldown_s: float
    workday_starts: str
    zone: str
    idle_after_s: float
    result_card_s: float
    mirror: bool
    sound: bool

    @property
    def workday_starts_time(self) -> time:
        return time.fromisoformat(self.workday_starts)


@dataclass(frozen=True, slots=True)
class LookSettings:
    theme: str
    reduce_motion: bool
    full_screen: bool


@dataclass(frozen=True, slots=True)
class SourceSettings:
    address: str
    width_px: int
    height_px: int
    frozen_after_s: float
    reconnect_min_s: float
    reconnect_max_s: float
    picture_hold_s: float


@dataclass(frozen=True, slots=True)
class InferenceSettings:
    network: str
    precision: str
    providers: tuple[str, ...]
    threads: int
    detector: str
    detect_threshold: float
    max_faces: int


@dataclass(frozen=True, slots=True)
class QualitySettings:
    min_face_px: float
    min_face_share: float
    max_yaw_deg: float
    max_pitch_deg: float
    max_roll_deg: float
    min_brightness: float
    max_brightness: float
    min_sharpness: float
    min_mesh_score: float


@dataclass(frozen=True, slots=True)
class RecognitionSettings:
    false_accept_per_look: float
    min_threshold: float
    min_margin: float
    min_looks: int
    min_votes: float
    min_span_s: float
    window_s: float
    unknown_after_s: float


@dataclass(frozen=True, slots=True)
class EnrolmentSettings:
    captures: int
    duplicate_similarity: float
    same_person_similarity: float
    min_quality: float


@dataclass(frozen=True, slots=True)
class StorageSettings:
    keep_backups: int


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, frozen. A change is a new object (`with_values`)."""

    kiosk: KioskSettings
    look: LookSettings
    source: SourceSettings
    inference: InferenceSettings
    quality: QualitySettings
    recognition: RecognitionSettings
    enrolment: EnrolmentSettings
    storage: StorageSettings

    def with_values(self, values: Mapping[str, Any], *, origin: str = "the program") -> "Settings":
        """Return new settings in which these dotted keys differ.

        Raises ConfigError naming the key, what is wrong with it, and the nearest known key.
        """
        merged = dict(flatten(self))
        for key, raw in values.items():
            merged[key] = _checked(key, raw, origin=origin)
        return _build(merged)


_SECTIONS: Mapping[str, type[Any]] = MappingProxyType(
    {
        "kiosk": KioskSettings,
        "look": LookSettings,
        "source": SourceSettings,
        "inference": InferenceSettings,
        "quality": QualitySettings,
        "recognition": RecognitionSettings,
        "enrolment": EnrolmentSettings,
        "storage": StorageSettings,
    }
)


def flatten(settings: Settings) -> Mapping[str, Value]:
    """Return every setting by its dotted key."""
    return {key: getattr(getattr(settings, key.split(".")[0]), key.split(".")[1]) for key in KEYS}


def default_settings() -> Settings:
    """Return the shipped defaults."""
    text = resources.files("attendance").joinpath("default_config.toml").read_text(encoding="utf-8")
    raw = _dotted(tomllib.loads(text), origin="default_config.toml")
    return _build(
        {key: _checked(key, value, origin="default_config.toml") for key, value in raw.items()}
    )


def load_settings(
    settings_file: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Iterable[str] = (),
) -> Settings:
    """Return defaults < file < environment < overrides ("section.key=value").

    Raises ConfigError; a broken file is reported and never overwritten.
    """
    settings = default_settings()
    if settings_file is not None and settings_file.is_file():
        settings = settings.with_values(
            read_settings_file(settings_file), origin=settings_file.name
        )
    from_environment = _from_environment(os.environ if environ is None else environ)
    settings = settings.with_values(from_environment, origin="the environment")
    return settings.with_values(dict(_split_override(text) for text in overrides), origin="--set")


def read_settings_file(settings_file: Path) -> Mapping[str, Any]:
    """Return what a settings file holds, by dotted key.

    Raises ConfigError if it cannot be read or is not TOML.
    """
    try:
        with settings_file.open("rb") as stream:
            table = tomllib.load(stream)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The settings file {settings_file} is not valid TOML: {error}.",
            action="Correct that line, or move the file away to start with the defaults.",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"The settings file {settings_file} cannot be read: {error.strerror}.",
            action="Check its permissions.",
        ) from error
    return _dotted(table, origin=settings_file.name)


def _dotted(table: Mapping[str, Any], *, origin: str) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for section, content in table.items():
        if section not in _SECTIONS or not isinstance(content, Mapping):
            raise _unknown(section, known=_SECTIONS, origin=origin)
        for name, value in content.items():
            flat[f"{section}.{name}"] = value
    return flat


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in environ.items():
        if name.startswith(ENV_PREFIX) and "__" in name:
            section, _, key = name.removeprefix(ENV_PREFIX).lower().partition("__")
            found[f"{section}.{key}"] = value
    return found


def _split_override(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"«{text}» is not a setting.", action="Write --set section.key=value.")
    return key.strip(), value.strip()


def _unknown(key: str, *, known: Iterable[str], origin: str) -> ConfigError:
    near = difflib.get_close_matches(key, list(known), n=1, cutoff=0.5)
    hint = f"Did you mean «{near[0]}»?" if near else "See default_config.toml for every key."
    return ConfigError(f"There is no setting «{key}» ({origin}).", action=hint)


def _checked(key: str, raw: Any, *, origin: str) -> Value:
    if key not in KEYS:
        raise _unknown(key, known=KEYS, origin=origin)
    spec = KEYS[key]
    value = _parsed(key, raw, spec=spec, origin=origin)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        low, high = spec.low, spec.high
        if (low is not None and not value >= low) or (high is not None and not value <= high):
            raise _bad(key, raw, f"must lie between {low:g} and {high:g}", origin=origin)
    if spec.choices:
        chosen = value if isinstance(value, tuple) else (value,)
        for one in chosen:
            if one not in spec.choices:
                raise _bad(key, one, f"must be one of {', '.join(spec.choices)}", origin=origin)
        if not chosen:
            raise _bad(key, raw, "must name at least one", origin=origin)
    if spec.pattern and not re.fullmatch(spec.pattern, str(value)):
        raise _bad(key, raw, "must be a time such as 04:00", origin=origin)
    return value


def _parsed(key: str, raw: Any, *, spec: Key, origin: str) -> Value:
    if spec.kind is bool:
        if isinstance(raw, bool):
            return raw
        if str(raw).lower() in ("true", "yes", "on", "1"):
            return True
        if str(raw).lower() in ("false", "no", "off", "0"):
            return False
        raise _bad(key, raw, "must be true or false", origin=origin)
    if isinstance(raw, bool):
        raise _bad(key, raw, f"must be {_kind_words(spec)}", origin=origin)
    if spec.kind is tuple:
        if isinstance(raw, str):
            return tuple(part.strip() for part in raw.split(",") if part.strip())
        if isinstance(raw, (list, tuple)):
            return tuple(str(part) for part in raw)
        raise _bad(key, raw, "must be a list of names", origin=origin)
    if spec.kind is str:
        if isinstance(raw, (str, int)):
            return str(raw)
        raise _bad(key, raw, "must be text", origin=origin)
    try:
        number = float(raw)
    except (TypeError, ValueError) as error:
        raise _bad(key, raw, f"must be {_kind_words(spec)}", origin=origin) from error
    if spec.kind is float:
        return number
    if not number.is_integer():
        raise _bad(key, raw, f"must be {_kind_words(spec)}", origin=origin)
    return int(number)


def _kind_words(spec: Key) -> str:
    return {int: "a whole number", float: "a number", str: "text"}.get(spec.kind, "a list")


def _bad(key: str, raw: Any, rule: str, *, origin: str) -> ConfigError:
    return ConfigError(
        f"The setting «{key}» is «{raw}» ({origin}), but it {rule}.", action="Correct it there."
    )


def _build(values: Mapping[str, Any]) -> Settings:
    missing = [key for key in KEYS if key not in values]
    if missing:
        raise ConfigError(f"The shipped default_config.toml lacks «{missing[0]}».")
    sections = {
        section: cls(
            **{k.split(".")[1]: v for k, v in values.items() if k.startswith(section + ".")}
        )
        for section, cls in _SECTIONS.items()
    }
    return Settings(**sections)
