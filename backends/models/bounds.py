"""What one download may take, whatever brings it."""

from __future__ import annotations

MAX_BYTES = 2 * 1024**3
STALL_SECONDS = 30.0
TOTAL_SECONDS = 3600.0
