"""A model file opened with ONNX Runtime: checked, on the provider that really runs."""

import hashlib
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import onnxruntime as ort

from attendance.errors import ModelError
from attendance.types import BgrImage, FloatArray
from inference.manifest import ModelEntry

_LOG = logging.getLogger(__name__)

PROVIDERS: Mapping[str, str] = MappingProxyType(
    {
        "cuda": "CUDAExecutionProvider",
        "directml": "DmlExecutionProvider",
        "openvino": "OpenVINOExecutionProvider",
        "coreml": "CoreMLExecutionProvider",
        "cpu": "CPUExecutionProvider",
    }
)
_SHORT_NAMES = {long: short for short, long in PROVIDERS.items()}
_INPUTS = {"detect": "pixels", "landmarks": "pixels", "embed": "crops"}
_OUTPUTS = {
    "detect": ("boxes", "scores"),
    "landmarks": ("landmarks", "score"),
    "embed": ("embeddings",),
}
_ROLE_KEYS = {
    "detect": ("anchors", "box_scale"),
    "landmarks": ("score",),
    "embed": ("embedding_size", "template"),
}
_REINSTALL = "Install Clockface again, or build the files with `python -m models.build`."
_QUIET = 3


@dataclass(frozen=True, slots=True)
class InputContract:
    """How a network wants its pixels: (value − mean) · scale, N × 3 × H × W, colour order."""

    size_hw: tuple[int, int]
    colour_order: str
    mean: float
    scale: float

    def prepare(self, pictures_bgr: Sequence[BgrImage]) -> FloatArray:
        """Return float32 (N, 3, H, W) of N pictures uint8 (H, W, 3) that already have that size."""
        height, width = self.size_hw
        batch = np.empty((len(pictures_bgr), 3, height, width), np.float32)
        for row, picture in zip(batch, pictures_bgr, strict=True):
            channels = picture[..., ::-1] if self.colour_order == "RGB" else picture
            row[...] = channels.transpose(2, 0, 1)
        batch -= self.mean
        batch *= self.scale
        return batch


@dataclass(frozen=True, slots=True)
class ModelSession:
    """An open model. Not for use by two threads at once.

    provider: the one that really runs ("cpu", "cuda" …). fallbacks: a sentence for each provider
    that was asked for and does not run. metadata: what the file says of itself.
    """

    entry: ModelEntry
    contract: InputContract
    metadata: Mapping[str, str]
    provider: str
    fallbacks: tuple[str, ...]
    runtime: ort.InferenceSession

    def run(self, batch: FloatArray) -> tuple[FloatArray, ...]:
        """Return the outputs, in the order of the role's contract, for float32 (N, 3, H, W).

        Raises ModelError if the provider fails.
        """
        role = self.entry.role
        try:
            outputs = self.runtime.run(list(_OUTPUTS[role]), {_INPUTS[role]: batch})
        except Exception as error:  # the runtime has no narrower common class
            raise ModelError(
                f"{self.entry.file} failed on {self.provider}: {_first_line(error)}.",
                action='Set inference.providers to ["cpu"] in the settings.',
            ) from error
        return tuple(outputs)


def open_session(entry: ModelEntry, *, providers: tuple[str, ...], threads: int) -> ModelSession:
    """Open a model file on the first of these providers that works; the CPU always does.

    The bytes that are hashed are the bytes that are loaded. Raises ModelError if the file is
    missing, altered, not a model, or its metadata does not keep the contract.
    """
    content = _verified_bytes(entry)
    wanted, fallbacks = _available(providers)
    runtime = None
    while runtime is None:
        try:
            runtime = ort.InferenceSession(
                content, sess_options=_options(wanted, threads), providers=wanted
            )
        except Exception as error:  # the runtime has no narrower common class
            if wanted == [PROVIDERS["cpu"]]:
                raise ModelError(
                    f"{entry.file} cannot be loaded: {_first_line(error)}.", action=_REINSTALL
                ) from error
            failed = wanted.pop(0)
            fallbacks.append(f"{_SHORT_NAMES[failed]} failed to start: {_first_line(error)}.")
    running = runtime.get_providers()[0]
    if running != wanted[0]:
        fallbacks.append(
            f"{_SHORT_NAMES[wanted[0]]} could not be initialised on this machine "
            "(drivers or libraries are missing)."
        )
    provider = _SHORT_NAMES.get(running, running)
    metadata = MappingProxyType(dict(runtime.get_modelmeta().custom_metadata_map))
    contract = _checked_contract(entry, metadata, runtime=runtime)
    for sentence in fallbacks:
        _LOG.warning("%s: %s Running on %s.", entry.file, sentence, provider)
    _LOG.info(
        "%s (%s, %s) runs on %s with %d threads",
        entry.file,
        entry.model_id,
        entry.precision,
        provider,
        threads,
    )
    return ModelSession(
        entry=entry,
        contract=contract,
        metadata=metadata,
        provider=provider,
        fallbacks=tuple(fallbacks),
        runtime=runtime,
    )


def _verified_bytes(entry: ModelEntry) -> bytes:
    try:
        content = entry.path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(f"The model file {entry.path} is missing.", action=_REINSTALL) from error
    except OSError as error:
        raise ModelError(
            f"The model file {entry.path} cannot be read: {error.strerror}.",
            action="Check its permissions.",
        ) from error
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise ModelError(
            f"The model file {entry.path} was altered or is damaged (its hash differs).",
            action=_REINSTALL,
        )
    return content


def _available(providers: Sequence[str]) -> tuple[list[str], list[str]]:
    present = set(ort.get_available_providers())
    wanted: list[str] = []
    fallbacks: list[str] = []
    for name in providers:
        if name not in PROVIDERS:
            raise ModelError(
                f"There is no provider «{name}».", action=f"Known are {', '.join(PROVIDERS)}."
            )
        if PROVIDERS[name] in present:
            wanted.append(PROVIDERS[name])
        else:
            fallbacks.append(f"{name} is not part of the installed ONNX Runtime.")
    wanted = list(dict.fromkeys(wanted))
    if PROVIDERS["cpu"] in wanted:
        del wanted[wanted.index(PROVIDERS["cpu"]) :]
    return [*wanted, PROVIDERS["cpu"]], fallbacks


def _options(providers: Sequence[str], threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _QUIET
    # A worker that spins while it waits takes the core from the next network, the camera and the
    # window: on two busy cores a run with spinning took half as long again.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if PROVIDERS["directml"] in providers:
        options.enable_mem_pattern = False
    return options


def _checked_contract(
    entry: ModelEntry, metadata: Mapping[str, str], *, runtime: ort.InferenceSession
) -> InputContract:
    def broken(what: str) -> ModelError:
        return ModelError(
            f"{entry.file} does not keep the metadata contract: {what}.", action=_REINSTALL
        )

    for key in ("model_id", "role", "precision"):
        if metadata.get(key) != getattr(entry, key):
            raise broken(
                f"{key} is «{metadata.get(key)}» in the file and «{getattr(entry, key)}» "
                "in the manifest"
            )
    says, wants = metadata.get("mirrored", "true"), "true" if entry.mirrored else "false"
    if entry.role == "embed" and says != wants:
        raise broken(f"mirrored is «{says}» in the file and «{wants}» in the manifest")
    needed = ("input_size_hw", "colour_order", "mean", "scale", *_ROLE_KEYS[entry.role])
    missing = [key for key in needed if not metadata.get(key)]
    if missing:
        raise broken(f"«{missing[0]}» is missing")
    try:
        height, width = (int(part) for part in metadata["input_size_hw"].split(","))
        mean, scale = float(metadata["mean"]), float(metadata["scale"])
    except ValueError as error:
        raise broken(str(error)) from error
    if metadata["colour_order"] not in ("RGB", "BGR"):
        raise broken(f"colour_order is «{metadata['colour_order']}»")
    if not (math.isfinite(mean) and math.isfinite(scale) and scale > 0):
        raise broken("mean and scale are not usable numbers")
    inputs = {port.name: port.shape for port in runtime.get_inputs()}
    if list(inputs) != [_INPUTS[entry.role]]:
        raise broken(f"its inputs are {list(inputs)}")
    if list(inputs[_INPUTS[entry.role]][1:]) != [3, height, width]:
        raise broken(f"its input has the shape {inputs[_INPUTS[entry.role]]}")
    outputs = {port.name for port in runtime.get_outputs()}
    if not outputs.issuperset(_OUTPUTS[entry.role]):
        raise broken(f"its outputs are {sorted(outputs)}")
    return InputContract(
        size_hw=(height, width), colour_order=metadata["colour_order"], mean=mean, scale=scale
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
