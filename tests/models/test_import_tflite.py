"""What the importer refuses, and one operator read from a file made by hand."""

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
import onnxruntime as ort
import pytest
import tflite

from models.graph import to_bytes
from models.import_tflite import TfliteImportError, import_tflite


def vector(builder: flatbuffers.Builder, offsets: list[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def numbers(builder: flatbuffers.Builder, values: list[int]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependInt32(value)
    return int(builder.EndVector())


def one_operator_file(
    code: int,
    *,
    inputs: list[tuple[list[int], np.ndarray | None]],
    output: list[int],
    options: tuple[int, int] | None = None,
) -> bytes:
    """A .tflite file of one operator. options: for CONV_2D, (padding, stride)."""
    builder = flatbuffers.Builder(1024)
    arrays = [array for _, array in inputs]
    buffers = []
    for array in [None, *arrays]:
        data = None if array is None else builder.CreateByteVector(array.tobytes())
        tflite.BufferStart(builder)
        if data is not None:
            tflite.BufferAddData(builder, data)
        buffers.append(tflite.BufferEnd(builder))
    tensors = []
    for index, shape in enumerate([*(shape for shape, _ in inputs), output]):
        shape_offset = numbers(builder, shape)
        tflite.TensorStart(builder)
        tflite.TensorAddShape(builder, shape_offset)
        tflite.TensorAddType(builder, tflite.TensorType.FLOAT32)
        has_data = index < len(arrays) and arrays[index] is not None
        tflite.TensorAddBuffer(builder, index + 1 if has_data else 0)
        tensors.append(tflite.TensorEnd(builder))
    conv_options = None
    if options is not None:
        tflite.Conv2DOptionsStart(builder)
        tflite.Conv2DOptionsAddPadding(builder, options[0])
        tflite.Conv2DOptionsAddStrideH(builder, options[1])
        tflite.Conv2DOptionsAddStrideW(builder, options[1])
        conv_options = tflite.Conv2DOptionsEnd(builder)
    operator_inputs = numbers(builder, list(range(len(inputs))))
    operator_outputs = numbers(builder, [len(inputs)])
    tflite.OperatorStart(builder)
    tflite.OperatorAddInputs(builder, operator_inputs)
    tflite.OperatorAddOutputs(builder, operator_outputs)
    if conv_options is not None:
        tflite.OperatorAddBuiltinOptionsType(builder, tflite.BuiltinOptions.Conv2DOptions)
        tflite.OperatorAddBuiltinOptions(builder, conv_options)
    operators = vector(builder, [tflite.OperatorEnd(builder)])
    tensor_vector = vector(builder, tensors)
    graph_inputs, graph_outputs = numbers(builder, [0]), numbers(builder, [len(inputs)])
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, tensor_vector)
    tflite.SubGraphAddInputs(builder, graph_inputs)
    tflite.SubGraphAddOutputs(builder, graph_outputs)
    tflite.SubGraphAddOperators(builder, operators)
    subgraphs = vector(builder, [tflite.SubGraphEnd(builder)])
    tflite.OperatorCodeStart(builder)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, code)
    tflite.OperatorCodeAddBuiltinCode(builder, code)
    codes = vector(builder, [tflite.OperatorCodeEnd(builder)])
    buffer_vector = vector(builder, buffers)
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, 3)
    tflite.ModelAddOperatorCodes(builder, codes)
    tflite.ModelAddSubgraphs(builder, subgraphs)
    tflite.ModelAddBuffers(builder, buffer_vector)
    builder.Finish(tflite.ModelEnd(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def test_something_else_than_a_tflite_file_is_refused() -> None:
    with pytest.raises(TfliteImportError, match="not a TensorFlow Lite file"):
        import_tflite(b"PK\x03\x04 not a network", name="other")


def test_an_unknown_operator_is_refused_by_name() -> None:
    data = one_operator_file(
        tflite.BuiltinOperator.LOGISTIC, inputs=[([1, 2, 2, 1], None)], output=[1, 2, 2, 1]
    )
    with pytest.raises(TfliteImportError, match="operator LOGISTIC is not supported"):
        import_tflite(data, name="sigmoid")


def test_same_padding_with_stride_two_puts_the_odd_pixel_after_the_picture() -> None:
    # A 4 × 4 picture of 1 … 16, a 3 × 3 kernel of ones, stride 2: windows begin at pixels 0 and 2.
    kernel, bias = np.ones((1, 3, 3, 1), np.float32), np.zeros(1, np.float32)
    data = one_operator_file(
        tflite.BuiltinOperator.CONV_2D,
        inputs=[([1, 4, 4, 1], None), ([1, 3, 3, 1], kernel), ([1], bias)],
        output=[1, 2, 2, 1],
        options=(tflite.Padding.SAME, 2),
    )
    graph = import_tflite(data, name="conv")
    session = ort.InferenceSession(to_bytes(graph), providers=["CPUExecutionProvider"])
    picture = np.arange(1, 17, dtype=np.float32).reshape(1, 1, 4, 4)
    both = np.concatenate([picture, 2 * picture])
    (found,) = session.run(None, {graph.inputs[0].name: both})
    expected = np.zeros((2, 2), np.float32)
    expected[0] = [1 + 2 + 3 + 5 + 6 + 7 + 9 + 10 + 11, 3 + 4 + 7 + 8 + 11 + 12]
    expected[1] = [9 + 10 + 11 + 13 + 14 + 15, 11 + 12 + 15 + 16]
    np.testing.assert_array_equal(found[:, 0], [expected, 2 * expected])
