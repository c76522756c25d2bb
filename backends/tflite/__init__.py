"""What the Edge TPU and the LiteRT backend share, and what is known of Corals."""
