"""The face detectors and the mesh of MediaPipe as this project's networks."""

import numpy as np

from models.graph import Graph
from models.import_tflite import import_tflite
from models.rewrite import split_prelu


def build_blazeface(data: bytes, *, name: str) -> Graph:
    """BlazeFace: `pixels` (N, 3, H, W) to raw `boxes` (N, A, 16) and `scores` (N, A, 1) logits."""
    graph = import_tflite(data, name=name)
    graph.rename(graph.inputs[0].name, "pixels")
    graph.rename(graph.outputs[0].name, "boxes")
    graph.rename(graph.outputs[1].name, "scores")
    return graph


def build_face_mesh(data: bytes) -> Graph:
    """Face Mesh: `pixels` (N, 3, 192, 192) to `landmarks` (N, 468, 3) and a `score` (N, 1) logit.

    Landmarks are in pixels of the 192 × 192 input, z included.
    """
    graph = import_tflite(data, name="face-mesh")
    split_prelu(graph)
    graph.rename(graph.inputs[0].name, "pixels")
    for port, name, shape in zip(
        graph.outputs, ("landmarks", "score"), ((468, 3), (1,)), strict=True
    ):
        shape_name = graph.constant(f"{name}_shape", np.array([-1, *shape], np.int64))
        graph.add("Reshape", [port.name, shape_name], name)
        port.name, port.shape = name, shape
    return graph


SYMMETRIC = {"colour_order": "RGB", "mean": "127.5", "scale": repr(1 / 127.5)}
UNIT = {"colour_order": "RGB", "mean": "0", "scale": repr(1 / 255)}

BLAZEFACE_SHORT_METADATA = SYMMETRIC | {
    "model_id": "blazeface-short-128-v1",
    "role": "detect",
    "precision": "fp32",
    "input_size_hw": "128,128",
    "anchors": "16x16x2,8x8x6",
    "box_scale": "128",
    "scores": "logit",
    "quantisation": "none",
}
BLAZEFACE_FULL_METADATA = BLAZEFACE_SHORT_METADATA | {
    "model_id": "blazeface-full-192-v1",
    "input_size_hw": "192,192",
    "anchors": "48x48x1",
    "box_scale": "192",
}
FACE_MESH_METADATA = UNIT | {
    "model_id": "face-mesh-192-468-v1",
    "role": "landmarks",
    "precision": "fp32",
    "input_size_hw": "192,192",
    "landmarks": "468",
    "score": "logit",
    "quantisation": "none",
}
