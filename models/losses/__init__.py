"""Losses on labels that train a face network; one file each, named by `factory.make_loss`."""
