"""What the program promises about its own speed, as ratios measured in one run. `python -m benchmarks` prints the table."""
