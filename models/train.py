"""Train a face network: `python -m models.train CONFIG.toml`; run it again to resume."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attendance.errors import ConfigError, InputError, KnownError
from models.training.config import TrainingConfig, read_config

if TYPE_CHECKING:
    from models.losses.base import LabelLoss


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m models.train", description=__doc__)
    parser.add_argument("config", type=Path, metavar="CONFIG.toml")
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    try:
        config = read_config(options.config)
        train(config)
    except KnownError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("stopped; run the same command to resume", file=sys.stderr)
        return 130
    return 0


def train(config: TrainingConfig) -> None:
    """Prepare data, teacher and network, and train to the end of the schedule."""
    try:
        import torch
    except ImportError as error:
        raise ConfigError(
            "Training needs PyTorch, which is not installed.",
            action='Run python -m pip install -e ".[train]".',
        ) from error
    from models.networks.imported import load_teacher
    from models.training.annealing import Annealing
    from models.training.batches import BatchRecipe
    from models.training.data import open_store
    from models.training.loop import Parts, Run, set_seeds
    from models.training.start import build_network, followers
    from models.training.target_cache import cached_embeddings
    from models.training.teacher import Teacher
    from models.training.validation import Validator

    torch.set_num_threads(config.run.threads)
    set_seeds(config.run.seed)
    directory = config.base_dir / config.run.directory
    store = open_store(config.data, base_dir=config.base_dir, cache_dir=directory)
    model = load_teacher(config.base_dir / config.distill.teacher) if config.distill else None
    teacher = targets = None
    if config.distill is not None and model is not None:
        teacher = Teacher(
            model,
            taps=config.distill.taps,
            mirrored=config.distill.mirrored,
            threads=config.distill.threads,
        )
        targets = (
            teacher
            if config.distill.online
            else cached_embeddings(teacher, store.crops, directory=directory)
        )
    recipe = BatchRecipe(
        store,
        config.augmentation,
        targets,
        config.run.batch_size,
        config.run.seed,
        config.data.pictures_a_person,
    )
    parts = Parts(
        recipe,
        Validator(store, teacher, cache_dir=directory),
        lambda: build_network(config, store, model),
        taps=followers(config, model.settings.table) if model is not None else (),
        annealing=(
            Annealing(model, share=config.start.anneal)
            if model is not None and config.start.anneal
            else None
        ),
        margin_loss=_loss_on_labels(config, store.class_count),
    )
    Run(config, parts).train()


def _loss_on_labels(config: TrainingConfig, classes: int) -> "LabelLoss | None":
    """Raises ConfigError for an unknown loss or setting, InputError for fewer than two people."""
    if config.margin is None:
        return None
    from models.losses.factory import make_loss

    if classes < 2:
        raise InputError(
            f"The training pictures are labelled as {classes} people; [margin] needs two or more.",
            action="Give pictures with labels, or take the [margin] table out.",
        )
    try:
        return make_loss(
            config.margin.loss,
            classes=classes,
            embedding_size=config.network.embedding_size,
            **config.margin.settings,
        )
    except ValueError as error:
        raise ConfigError(f"[margin] {error}", action="Correct it and start again.") from error


if __name__ == "__main__":
    sys.exit(main())
