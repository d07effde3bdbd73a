"""Tests of the windows, offscreen."""
