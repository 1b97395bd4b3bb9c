"""Several runs against each other: the tables of the paper, with intervals, and verdicts."""
