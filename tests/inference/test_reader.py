"""Reading single pictures, and loading the networks the settings ask for."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from attendance.errors import ModelError
from attendance.types import BgrImage, QualityFlag
from inference.manifest import default_weights_dir
from inference.reader import load_networks
from tests.inference.perception_kit import kiosk_settings, networks, portrait, reader


def _beside(*frames: BgrImage) -> BgrImage:
    height = max(frame.shape[0] for frame in frames)
    padded = [
        np.pad(frame, ((0, height - frame.shape[0]), (0, 0), (0, 0)), constant_values=90)
        for frame in frames
    ]
    return np.concatenate(padded, axis=1)


def test_a_look_holds_face_quality_crop_and_embedding() -> None:
    (look,) = reader().read(portrait("collins-1.jpg"))
    assert look.crop.bgr.shape == (112, 96, 3)
    assert look.quality.usable
    assert look.embedding.model_id == reader().model_id
    assert reader().precision == "fp32"
    x0, y0, x1, y1 = look.face.box_xyxy.tolist()
    assert 0 < x0 < x1 < 512
    assert 0 < y0 < y1 < 512


def test_two_faces_in_a_picture_are_two_looks_largest_first() -> None:
    near, far = portrait("hopper-1.jpg"), cv2.resize(portrait("obama-1.jpg"), (420, 420))
    looks = reader().read(_beside(np.asarray(far, np.uint8), near))
    assert len(looks) == 2
    assert looks[0].face.size_px > looks[1].face.size_px
    (alone,) = reader().read(near)
    assert float(looks[0].embedding.vec @ alone.embedding.vec) > 0.9


def test_a_picture_without_a_face_gives_no_look() -> None:
    assert reader().read(np.full((480, 640, 3), 127, np.uint8)) == ()
    ramp = np.linspace(0, 255, 640, dtype=np.uint8)[None, :, None].repeat(480, 0).repeat(3, 2)
    assert reader().read(ramp) == ()


def test_a_face_of_twenty_pixels_is_found_and_called_too_small() -> None:
    original = portrait("hopper-1.jpg")
    (whole,) = reader().read(original)
    factor = 24 / whole.face.size_px
    small = cv2.resize(original, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    frame = np.full((180, 240, 3), 120, np.uint8)
    frame[50 : 50 + small.shape[0], 90 : 90 + small.shape[1]] = small
    (look,) = reader().read(frame)
    assert 15 < look.face.size_px < 45
    assert QualityFlag.TOO_SMALL in look.quality.flags


def test_a_small_share_of_a_large_photo_is_no_reason_to_refuse_it() -> None:
    frame = np.full((1200, 1600, 3), 120, np.uint8)
    frame[300:812, 500:1012] = portrait("collins-1.jpg")
    (look,) = reader(quality__min_face_share=0.3).read(frame)
    assert look.quality.usable


def test_the_summary_says_what_runs() -> None:
    assert networks().summary == "mobilefacenet-112x96-128-v1, fp32 (chosen), cpu"
    assert set(networks().providers.values()) == {"cpu"}
    assert networks().fallbacks == ()


def test_the_full_range_detector_can_be_chosen() -> None:
    chosen = load_networks(kiosk_settings(inference__detector="full").inference)
    assert chosen.detector.session.entry.file == "blazeface-full.onnx"
    (look,) = chosen.reader(kiosk_settings().quality).read(portrait("biden-1.jpg"))
    (other,) = reader().read(portrait("biden-1.jpg"))
    assert float(look.embedding.vec @ other.embedding.vec) > 0.9


def test_fallbacks_name_the_file_they_concern() -> None:
    settings = kiosk_settings(inference__providers=("coreml", "cpu")).inference
    sentences = load_networks(settings).fallbacks
    if not sentences:
        pytest.skip("this runtime has CoreML")
    assert sentences[0].startswith("blazeface-short.onnx: coreml")
    assert len(sentences) == 3


def test_missing_weights_are_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no manifest\.toml"):
        load_networks(kiosk_settings().inference, weights_dir=tmp_path)
    manifest = (default_weights_dir() / "manifest.toml").read_bytes()
    (tmp_path / "manifest.toml").write_bytes(manifest)
    with pytest.raises(ModelError, match="is missing"):
        load_networks(kiosk_settings().inference, weights_dir=tmp_path)


@pytest.mark.parametrize("folder", ["genuine", "several", "attack"])
def test_every_development_clip_can_be_read(shared_data: Path, folder: str) -> None:
    clips = [c for c in sorted((shared_data / "clips" / folder).iterdir()) if c.suffix != ".md"]
    found = {}
    for clip in clips:
        capture = cv2.VideoCapture(str(clip))
        looks = 0
        for number in range(60):
            there, frame = capture.read()
            if not there:
                break
            if number % 20 == 0:
                bgr = np.asarray(frame, np.uint8)
                for look in reader().read(bgr):
                    looks += 1
                    assert np.isfinite(look.face.mesh).all()
                    assert 0 <= look.quality.score <= 1
        capture.release()
        found[clip.name] = looks
    without = {name for name, looks in found.items() if not looks}
    assert without <= {"walking.gif"}, found
