"""Which frame goes to which engine next, and what came back. The only caller of workers and scenes."""
