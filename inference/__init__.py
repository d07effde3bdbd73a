"""Frames to faces to crops to embeddings to matches: no Qt, no SQL, no torch."""
