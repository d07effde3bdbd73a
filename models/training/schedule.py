"""Learning rate and progress of a run, from the step or from the time spent."""

import math

from models.training.config import ScheduleTable


def progress(schedule: ScheduleTable, *, step: int, elapsed_s: float) -> float:
    """How much of the schedule is behind us, 0 … 1."""
    done = step / schedule.steps if schedule.steps else elapsed_s / (60 * schedule.minutes)
    return min(max(done, 0.0), 1.0)


def learning_rate_factor(schedule: ScheduleTable, done: float, *, drops: int = 0) -> float:
    """What the configured learning rate is multiplied with at this progress (0 … 1).

    drops: how often the rate was lowered because validation stood still (kind `plateau`).

    Linear warm-up; then half a cosine (Loshchilov and Hutter 2017), after the hold; or steps, or
    nothing; never below the floor.
    """
    if done < schedule.warm_up:
        return max(done / schedule.warm_up, schedule.floor)
    if schedule.kind == "constant":
        return 1.0
    if schedule.kind in {"step", "plateau"}:
        by_step = schedule.kind == "step"
        passed = sum(done >= drop for drop in schedule.drops) if by_step else drops
        return float(max(schedule.drop_factor**passed, schedule.floor))
    until = schedule.warm_up + schedule.hold
    along = max(done - until, 0.0) / (1 - until)
    return max(0.5 * (1 + math.cos(math.pi * along)), schedule.floor)
