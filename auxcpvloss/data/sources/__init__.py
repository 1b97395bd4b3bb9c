"""One volume of a data set, wherever it is stored; one file a format."""
