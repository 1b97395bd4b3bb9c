"""Other programs, trained on the volumes of an experiment to be compared with it."""
