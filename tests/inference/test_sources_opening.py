"""Which source an address means."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from attendance.errors import CameraError
from inference.sources import open_source
from inference.sources.base import Source
from inference.sources.camera import CameraSource
from inference.sources.pictures import PictureFolderSource
from inference.sources.stream import StreamSource
from inference.sources.video import VideoSource
from tests.inference.runtime_fakes import FakeClock, source_settings


def opened(address: str) -> Source:
    return open_source(address, settings=source_settings(), clock=FakeClock())


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("0", CameraSource),
        (" 12 ", CameraSource),
        ("/dev/video3", CameraSource),
        ("Brio 4K", CameraSource),
        ("rtsp://u:p@host:554/a", StreamSource),
        ("https://host/clip.mp4", StreamSource),
    ],
)
def test_an_address_means_a_camera_or_a_stream(address: str, kind: type) -> None:
    assert type(opened(address)) is kind


def test_an_existing_file_or_folder_is_told_by_its_name(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a b.JPG")
    (tmp_path / "clip.MP4").touch()
    assert type(opened(str(tmp_path))) is PictureFolderSource
    assert type(opened(str(tmp_path / "a b.JPG"))) is PictureFolderSource
    assert type(opened(str(tmp_path / "clip.MP4"))) is VideoSource
    assert type(opened((tmp_path / "a b.JPG").as_uri())) is PictureFolderSource


def test_a_folder_named_like_a_number_needs_a_path_and_0_stays_the_camera(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "0").mkdir()
    monkeypatch.chdir(tmp_path)
    assert type(opened("0")) is CameraSource
    assert type(opened("./0")) is PictureFolderSource


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("", "No source is named"),
        ("  ", "No source is named"),
        ("missing/clip.mp4", "no file or folder missing/clip.mp4"),
        ("clip.mp4", "no file or folder clip.mp4"),
        ("~nobody-at-all/clip.mp4", "no file or folder"),
        ("a/" + "x" * 5000, "no file or folder"),
        ("ftp://host/a", "ftp://.*rtsp, rtsps, http, https"),
        ("rtsp:///a", "names no host"),
        ("rtsp://[broken/a", "cannot be read"),
        ("99999999999999999999", "There is no camera"),
    ],
)
def test_an_address_that_means_nothing_gets_a_clear_sentence(address: str, sentence: str) -> None:
    with pytest.raises(CameraError, match=sentence):
        opened(address)


def test_a_file_of_another_kind_is_refused_and_the_kinds_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b")
    with pytest.raises(CameraError, match=r"neither a picture nor a video.*\.mp4"):
        opened(str(path))


@given(st.text(max_size=60))
def test_whatever_is_typed_gives_a_source_or_a_camera_error(address: str) -> None:
    try:
        said = opened(address).description
    except CameraError as error:
        said = error.action
    assert said
