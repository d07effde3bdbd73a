"""SQLite: people, templates, punches, audit, exports. No Qt, no cv2, no torch."""
