"""Many experiments from one file: every combination of some values of keys, with several seeds and folds."""
