"""What the board says of its own heat, power and load. Files below /sys, /proc, /etc and /var only; nothing is run.

Each function takes the folder that stands for / and never raises: what cannot be read is None, or left out.
"""
