"""Training and distillation of the networks: data, teacher, schedule, checkpoints, log."""
