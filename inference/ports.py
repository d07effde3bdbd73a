"""What the engine needs of a pipeline, so that it can be run with another one in tests."""

from typing import Protocol

from attendance.config import Settings
from attendance.ports import FaceReader, Gallery
from attendance.types import Frame, FrameResult


class FramePipeline(Protocol):
    """Frames in, results out. Owned by the inference thread; nobody else may call it."""

    @property
    def reader(self) -> FaceReader:
        """Reads the faces of a single picture with the same networks, for enrolment."""
        ...

    @property
    def gallery(self) -> Gallery:
        """The gallery in use, for the question whether a face is enrolled already."""
        ...

    def process(self, frame: Frame) -> FrameResult: ...

    def replace_gallery(self, gallery: Gallery) -> None:
        """Use this gallery from the next frame on. Raises ModelError for another model's one."""
        ...

    def replace_settings(self, settings: Settings) -> None: ...

    def reset(self) -> None:
        """Forget every track: what comes next is another picture altogether."""
        ...
