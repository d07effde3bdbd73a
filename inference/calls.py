"""Work for the inference thread that other threads hand in, answered through futures."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from attendance.errors import KnownError
from inference.ports import FramePipeline

T = TypeVar("T")


class CallQueue:
    """Calls in the order they came. `add` from any thread; `run` and `refuse` answer them."""

    def __init__(self) -> None:
        self._answers: deque[Callable[[FramePipeline | None, KnownError | None], None]] = deque()

    def add(self, work: Callable[[FramePipeline], T]) -> "Future[T]":
        future: Future[T] = Future()

        def answer(pipeline: FramePipeline | None, error: KnownError | None) -> None:
            if pipeline is None and error is None:
                future.cancel()
            elif not future.set_running_or_notify_cancel():
                return
            elif pipeline is None:
                future.set_exception(error)
            else:
                _work(future, work, pipeline)

        self._answers.append(answer)
        return future

    def run(self, pipeline: FramePipeline) -> None:
        """Do every call that waits. What one raises goes into its future."""
        self._answer(pipeline, None)

    def refuse(self, error: KnownError | None) -> None:
        """Fail every call that waits with this error; cancel them if there is none."""
        self._answer(None, error)

    def _answer(self, pipeline: FramePipeline | None, error: KnownError | None) -> None:
        while True:
            try:
                answer = self._answers.popleft()
            except IndexError:
                return
            answer(pipeline, error)


def _work(future: "Future[T]", work: Callable[[FramePipeline], T], pipeline: FramePipeline) -> None:
    try:
        future.set_result(work(pipeline))
    except Exception as error:  # noqa: BLE001 — belongs to whoever asked
        future.set_exception(error)
