"""What `backends.tensorrt` is made of: CUDA, the builder in a child, the plan cache, an engine."""
