"""`vedette doctor`: why it does not work, and what to do about it.

A check is a function of the config that yields findings; `examine` says which there are.
"""
