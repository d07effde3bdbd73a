"""Networks, their build from published packages, evaluation, and the shipped weights."""
