"""The pure-Python broker as a process: `python -m agent.tools.amqtt_broker PORT PARENT`. The only import of amqtt.

Anonymous, on the loopback, keeps nothing; dies with PARENT, the process id of its starter.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from backends.child import die_with_parent


async def serve(port: int) -> None:
    from amqtt.broker import Broker

    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}", "max_connections": 100}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    await broker.start()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    await broker.shutdown()


def main() -> None:
    port, parent = int(sys.argv[1]), int(sys.argv[2])
    die_with_parent(parent)
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    asyncio.run(serve(port))


if __name__ == "__main__":
    main()
