"""Losses by name, as a configuration gives them."""

import difflib
import inspect
from collections.abc import Callable, Mapping

from models.losses.a_softmax import ASoftmax
from models.losses.arcface import ArcFace
from models.losses.base import LabelLoss
from models.losses.center import CenterLoss
from models.losses.contrastive import Contrastive
from models.losses.cosface import CosFace
from models.losses.normalised_softmax import NormalisedSoftmax
from models.losses.softmax import Softmax
from models.losses.subcenter_arcface import SubcenterArcFace
from models.losses.triplet import Triplet

Setting = float | int | str | bool

LOSSES: Mapping[str, Callable[..., LabelLoss]] = {
    "softmax": Softmax,
    "normalised-softmax": NormalisedSoftmax,
    "center": CenterLoss,
    "contrastive": Contrastive,
    "triplet": Triplet,
    "a-softmax": ASoftmax,
    "cosface": CosFace,
    "arcface": ArcFace,
    "subcenter-arcface": SubcenterArcFace,
}


def make_loss(name: str, *, classes: int, embedding_size: int, **settings: Setting) -> LabelLoss:
    """The loss of that name, its class vectors random; settings as in the loss's own file.

    Raises ValueError, with a sentence, for an unknown name or setting and for a bad value.
    """
    if name not in LOSSES:
        raise ValueError(f"There is no loss {name!r}{_nearest(name, LOSSES)}")
    make = LOSSES[name]
    known = [key for key in inspect.signature(make).parameters if key not in _GIVEN]
    for key in settings:
        if key not in known:
            raise ValueError(f"The loss {name} has no setting {key!r}{_nearest(key, known)}")
    try:
        return make(classes, embedding_size, **settings)
    except ValueError as error:
        raise ValueError(f"The loss {name}: {error}") from error


_GIVEN = ("classes", "embedding_size")


def _nearest(word: str, known: "Mapping[str, object] | list[str]") -> str:
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are: {', '.join(known)}."
