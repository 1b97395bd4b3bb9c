"""Studies: one factor at a time, on the same volumes, folds and seeds; run by scripts/study.py."""
