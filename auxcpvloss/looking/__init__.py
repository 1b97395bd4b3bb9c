"""What only shows results: figures, the report, comparisons, other programs."""
