"""`vedette doctor`: why it does not work, and what to do about it. So far it examines the broker."""
