"""Train a face network: `python -m models.train CONFIG.toml`; run it again to resume."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from attendance.errors import ConfigError, KnownError
from models.training.config import TrainingConfig, read_config


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
    from models.training.batches import BatchRecipe
    from models.training.data import open_store
    from models.training.loop import Parts, Run, set_seeds
    from models.training.start import build_network, followers
    from models.training.target_cache import cached_embeddings
    from models.training.teacher import Teacher
    from models.training.validation import Validator

    if config.distill is None:
        raise ConfigError(
            "The configuration has no [distill] table, and there is no loss on labels yet.",
            action="Add [distill] with a teacher.",
        )
    torch.set_num_threads(config.run.threads)
    set_seeds(config.run.seed)
    directory = config.base_dir / config.run.directory
    store = open_store(config.data, base_dir=config.base_dir, cache_dir=directory)
    model = load_teacher(config.base_dir / config.distill.teacher)
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
        store, config.augmentation, targets, config.run.batch_size, config.run.seed
    )
    validator = Validator(store, teacher, cache_dir=directory)
    parts = Parts(
        recipe,
        validator,
        lambda: build_network(config, store, model),
        taps=followers(config, model.settings.table),
    )
    Run(config, parts).train()


if __name__ == "__main__":
    sys.exit(main())
