"""Where frames come from: cameras, videos, pictures, streams, the demo's moving portraits."""

from inference.sources.base import Source
from inference.sources.camera import CameraInfo, list_cameras
from inference.sources.opening import open_source

__all__ = ["CameraInfo", "Source", "list_cameras", "open_source"]
