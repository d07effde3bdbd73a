"""Read a TensorFlow Lite file and rewrite its network as an ONNX graph in NCHW order.

Knows the operators of the networks this project imports and refuses every other one by name.
The batch size fixed in the file becomes a free axis. float16 weights stay float16 behind a Cast,
which ONNX Runtime folds when the session starts: half the file, the same speed.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tflite

from models.graph import Array, Attribute, Graph, Port

_NCHW = (0, 3, 1, 2)
_OPERATOR_NAMES = {
    value: name for name, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)
}
_DTYPES: dict[int, type[np.generic]] = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
    tflite.TensorType.UINT8: np.uint8,
    tflite.TensorType.INT8: np.int8,
    tflite.TensorType.INT64: np.int64,
}


class TfliteImportError(Exception):
    """The file is not a TensorFlow Lite network this importer can rewrite."""


def import_tflite(data: bytes, *, name: str) -> Graph:
    """Rewrite the first subgraph of a .tflite file as an NCHW graph with a free batch axis.

    Inputs and outputs keep their order; inputs of rank 4 become (N, C, H, W), tensors of any
    other rank keep the order of their axes. Raises TfliteImportError, naming the operator or
    the option, for anything that has no exact counterpart here.
    """
    if data[4:8] != b"TFL3":
        raise TfliteImportError(f"{name}: not a TensorFlow Lite file (no TFL3 identifier)")
    model = tflite.Model.GetRootAs(data, 0)
    if model.SubgraphsLength() != 1:
        raise TfliteImportError(f"{name}: {model.SubgraphsLength()} subgraphs, expected one")
    return _Importer(model, name).run()


class _Importer:
    """The walk over one subgraph."""

    def __init__(self, model: Any, name: str) -> None:
        self._model = model
        self._subgraph = model.Subgraphs(0)
        self._graph = Graph(name)
        self._handlers: dict[str, Callable[[Any, list[int], int], None]] = {
            "CONV_2D": self._conv,
            "DEPTHWISE_CONV_2D": self._depthwise_conv,
            "ADD": self._binary("Add", tflite.AddOptions),
            "SUB": self._binary("Sub", tflite.SubOptions),
            "MUL": self._binary("Mul", tflite.MulOptions),
            "ABS": self._unary("Abs"),
            "RELU": self._unary("Relu"),
            "PRELU": self._prelu,
            "PAD": self._pad,
            "MAX_POOL_2D": self._max_pool,
            "RESHAPE": self._reshape,
            "CONCATENATION": self._concat,
            "RESIZE_BILINEAR": self._resize,
            "DEQUANTIZE": self._dequantise,
        }

    def run(self) -> Graph:
        for index in self._subgraph.InputsAsNumpy():
            self._graph.inputs.append(Port(self._tensor(index), self._port_shape(index)))
        for position in range(self._subgraph.OperatorsLength()):
            operator = self._subgraph.Operators(position)
            code = self._model.OperatorCodes(operator.OpcodeIndex())
            number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
            kind = _OPERATOR_NAMES.get(number, str(number))
            handler = self._handlers.get(kind)
            if handler is None:
                raise TfliteImportError(
                    f"{self._graph.name}: operator {kind} is not supported; known are "
                    + ", ".join(sorted(self._handlers))
                )
            outputs = [int(index) for index in operator.OutputsAsNumpy()]
            handler(operator, [int(i) for i in operator.InputsAsNumpy()], outputs[0])
        for index in self._subgraph.OutputsAsNumpy():
            self._graph.outputs.append(Port(self._tensor(index), self._port_shape(index)))
        self._graph.prune()
        return self._graph

    # Tensors

    def _shape(self, index: int) -> tuple[int, ...]:
        return tuple(int(n) for n in self._subgraph.Tensors(index).ShapeAsNumpy())

    def _port_shape(self, index: int) -> tuple[int, ...]:
        shape = self._shape(index)
        return (shape[3], shape[1], shape[2]) if len(shape) == 4 else shape[1:]

    def _array(self, index: int) -> Array | None:
        """The constant behind a tensor, or None if it is computed. Raises on sparse weights."""
        tensor = self._subgraph.Tensors(index)
        buffer = self._model.Buffers(tensor.Buffer())
        if not buffer.DataLength():
            return None
        if tensor.Sparsity() is not None:
            raise TfliteImportError(f"{self._graph.name}: tensor {index} has sparse weights")
        dtype = _DTYPES.get(tensor.Type())
        if dtype is None:
            raise TfliteImportError(
                f"{self._graph.name}: tensor {index} has element type {tensor.Type()}"
            )
        return np.frombuffer(buffer.DataAsNumpy().tobytes(), dtype).reshape(self._shape(index))

    def _tensor(self, index: int) -> str:
        return f"t{index}"

    def _weight(self, index: int, transform: Callable[[Array], Array]) -> str:
        """Register the transformed constant of a tensor; float16 goes behind a Cast."""
        array = self._array(index)
        node = self._graph.producer(self._tensor(index))
        if array is None and node is not None and node.op == "Cast":
            half = self._graph.arrays[node.inputs[0]]
            name = f"w{index}"
            if name not in self._graph.arrays:
                self._graph.constant(name, transform(half))
                self._graph.add("Cast", [name], f"{name}_f32", {"to": 1})
            return f"{name}_f32"
        if array is None:
            raise TfliteImportError(f"{self._graph.name}: tensor {index} is not a constant")
        name = f"w{index}"
        if name not in self._graph.arrays:
            self._graph.constant(name, transform(array))
        return name

    def _operand(self, index: int) -> str:
        """A computed tensor, or a constant broadcast over channels, as an input name."""
        if self._array(index) is None:
            return self._tensor(index)

        def per_channel(array: Array) -> Array:
            if array.ndim <= 1:
                return array.reshape(-1, 1, 1)
            return array.transpose(_NCHW) if array.ndim == 4 else array

        return self._weight(index, per_channel)

    def _options(self, operator: Any, kind: Any) -> Any:
        options = kind()
        table = operator.BuiltinOptions()
        if table is None:
            raise TfliteImportError(f"{self._graph.name}: an operator has no options")
        options.Init(table.Bytes, table.Pos)
        return options

    def _activated(self, op: str, inputs: list[str], output: int, **extra: Any) -> None:
        """Add a node and the activation fused into it. extra: `activation`, `attributes`."""
        name = self._tensor(output)
        attributes: dict[str, Attribute] = extra.get("attributes", {})
        activation = extra.get("activation", tflite.ActivationFunctionType.NONE)
        if activation == tflite.ActivationFunctionType.NONE:
            self._graph.add(op, inputs, name, attributes)
        elif activation == tflite.ActivationFunctionType.RELU:
            self._graph.add(op, inputs, f"{name}_linear", attributes)
            self._graph.add("Relu", [f"{name}_linear"], name)
        else:
            raise TfliteImportError(f"{self._graph.name}: fused activation {activation}")

    # Operators

    def _unary(self, op: str) -> Callable[[Any, list[int], int], None]:
        def handle(_operator: Any, inputs: list[int], output: int) -> None:
            self._graph.add(op, [self._tensor(inputs[0])], self._tensor(output))

        return handle

    def _binary(self, op: str, kind: Any) -> Callable[[Any, list[int], int], None]:
        def handle(operator: Any, inputs: list[int], output: int) -> None:
            activation = self._options(operator, kind).FusedActivationFunction()
            names = [self._operand(index) for index in inputs]
            self._activated(op, names, output, activation=activation)

        return handle

    def _window(
        self, options: Any, kernel_hw: tuple[int, int], x: int, dilation: tuple[int, int]
    ) -> dict[str, Attribute]:
        """Strides and explicit pads of a convolution or pooling window.

        TensorFlow's SAME padding puts the odd pixel after the picture, not before it.
        """
        strides = (options.StrideH(), options.StrideW())
        pads = [0, 0, 0, 0]
        if options.Padding() == tflite.Padding.SAME:
            for axis in range(2):
                size = self._shape(x)[1 + axis]
                reach = (kernel_hw[axis] - 1) * dilation[axis] + 1
                steps = -(-size // strides[axis])
                total = max((steps - 1) * strides[axis] + reach - size, 0)
                pads[axis], pads[axis + 2] = total // 2, total - total // 2
        return {"strides": list(strides), "pads": pads, "kernel_shape": list(kernel_hw)}

    def _conv(self, operator: Any, inputs: list[int], output: int) -> None:
        options = self._options(operator, tflite.Conv2DOptions)
        # (out, height, width, in) -> (out, in, height, width)
        weight = self._weight(inputs[1], lambda array: array.transpose(_NCHW))
        self._convolve(options, inputs, output, weight=weight, group=1)

    def _depthwise_conv(self, operator: Any, inputs: list[int], output: int) -> None:
        options = self._options(operator, tflite.DepthwiseConv2DOptions)
        # (1, height, width, channel * multiplier) -> (channel * multiplier, 1, height, width)
        weight = self._weight(inputs[1], lambda array: array.transpose(3, 0, 1, 2))
        self._convolve(options, inputs, output, weight=weight, group=self._shape(inputs[0])[3])

    def _convolve(
        self, options: Any, inputs: list[int], output: int, *, weight: str, group: int
    ) -> None:
        kernel_hw = self._shape(inputs[1])[1:3]
        dilation = (options.DilationHFactor(), options.DilationWFactor())
        attributes = self._window(options, (kernel_hw[0], kernel_hw[1]), inputs[0], dilation)
        attributes["group"] = group
        if dilation != (1, 1):
            attributes["dilations"] = list(dilation)
        names = [self._tensor(inputs[0]), weight]
        if len(inputs) > 2 and inputs[2] >= 0:
            names.append(self._weight(inputs[2], lambda array: array))
        self._activated(
            "Conv",
            names,
            output,
            activation=options.FusedActivationFunction(),
            attributes=attributes,
        )

    def _max_pool(self, operator: Any, inputs: list[int], output: int) -> None:
        options = self._options(operator, tflite.Pool2DOptions)
        kernel_hw = (options.FilterHeight(), options.FilterWidth())
        attributes = self._window(options, kernel_hw, inputs[0], (1, 1))
        self._activated(
            "MaxPool",
            [self._tensor(inputs[0])],
            output,
            activation=options.FusedActivationFunction(),
            attributes=attributes,
        )

    def _prelu(self, _operator: Any, inputs: list[int], output: int) -> None:
        if any(size != 1 for size in self._shape(inputs[1])[:-1]):
            raise TfliteImportError(f"{self._graph.name}: PRELU slopes are not one per channel")
        slope = self._weight(inputs[1], lambda array: array.reshape(-1, 1, 1))
        self._graph.add("PRelu", [self._tensor(inputs[0]), slope], self._tensor(output))

    def _pad(self, _operator: Any, inputs: list[int], output: int) -> None:
        array = self._array(inputs[1])
        if array is None or array.shape != (4, 2):
            raise TfliteImportError(f"{self._graph.name}: PAD without constant amounts of rank 4")
        amounts = array.astype(np.int64)[list(_NCHW)]
        pads = self._graph.constant(f"{self._tensor(output)}_pads", amounts.T.reshape(-1))
        self._graph.add("Pad", [self._tensor(inputs[0]), pads], self._tensor(output))

    def _reshape(self, _operator: Any, inputs: list[int], output: int) -> None:
        source, name = self._tensor(inputs[0]), self._tensor(output)
        before, after = self._shape(inputs[0]), self._shape(output)
        if len(after) == 4 or before[0] != after[0]:
            raise TfliteImportError(f"{self._graph.name}: RESHAPE {before} to {after}")
        if len(before) == 4 and before[1:3] != (1, 1):
            source = self._graph.add("Transpose", [source], f"{name}_nhwc", {"perm": [0, 2, 3, 1]})
        shape = np.array([-1, *after[1:]], np.int64)
        target = self._graph.constant(f"{name}_shape", shape)
        self._graph.add("Reshape", [source, target], name)

    def _concat(self, operator: Any, inputs: list[int], output: int) -> None:
        options = self._options(operator, tflite.ConcatenationOptions)
        rank = len(self._shape(output))
        axis = options.Axis() % rank
        if rank == 4:
            axis = _NCHW.index(axis)
        self._activated(
            "Concat",
            [self._tensor(index) for index in inputs],
            output,
            activation=options.FusedActivationFunction(),
            attributes={"axis": axis},
        )

    def _resize(self, operator: Any, inputs: list[int], output: int) -> None:
        options = self._options(operator, tflite.ResizeBilinearOptions)
        mode = "asymmetric"
        if options.AlignCorners():
            mode = "align_corners"
        elif options.HalfPixelCenters():
            mode = "half_pixel"
        before, after = self._shape(inputs[0]), self._shape(output)
        scales = np.array([1, 1, after[1] / before[1], after[2] / before[2]], np.float32)
        name = self._graph.constant(f"{self._tensor(output)}_scales", scales)
        self._graph.add(
            "Resize",
            [self._tensor(inputs[0]), "", name],
            self._tensor(output),
            {"mode": "linear", "coordinate_transformation_mode": mode},
        )

    def _dequantise(self, _operator: Any, inputs: list[int], output: int) -> None:
        array = self._array(inputs[0])
        if array is None or array.dtype != np.float16:
            raise TfliteImportError(f"{self._graph.name}: DEQUANTIZE of anything but float16")
        half = self._graph.constant(f"h{inputs[0]}", array)
        self._graph.add("Cast", [half], self._tensor(output), {"to": 1})
