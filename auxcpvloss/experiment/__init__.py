"""What knows where things lie in an experiment's folder, and what they were made from."""
