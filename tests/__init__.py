"""Tests mirror the folders; tests/e2e drives the real program."""
