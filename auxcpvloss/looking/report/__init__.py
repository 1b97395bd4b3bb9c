"""One HTML file that says how an experiment, or a comparison of several, came out. Plain data in, text out."""
