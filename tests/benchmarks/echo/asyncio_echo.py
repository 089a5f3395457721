#!/usr/bin/env python3
"""asyncio with a protocol, with its own loop or with another one: PEER_LOOP=uvloop.

Each with the kind of protocol that is the faster one there. Both set TCP_NODELAY;
what cannot be sent at once, the transport keeps.
"""

import asyncio
import os
import socket

BACKLOG = 1024
BUFFER = memoryview(bytearray(4096))  # ECHO_BUFFER


class Echo(asyncio.Protocol):

  def connection_made(self, transport):
    self.write = transport.write

  def data_received(self, data):
    self.write(data)


class BufferedEcho(asyncio.BufferedProtocol):
  """asyncio's own loop allocates 256 KiB for each read of the other kind."""

  def connection_made(self, transport):
    self.write = transport.write

  def get_buffer(self, sizehint):
    return BUFFER

  def buffer_updated(self, nbytes):
    self.write(bytes(BUFFER[:nbytes]))


async def serve(protocol):
  loop = asyncio.get_running_loop()
  server = await loop.create_server(
      protocol, "127.0.0.1", 0, family=socket.AF_INET, backlog=BACKLOG)
  print(server.sockets[0].getsockname()[1], flush=True)
  await server.serve_forever()


def main():
  if os.environ.get("PEER_LOOP") == "uvloop":
    import uvloop  # pylint: disable=import-outside-toplevel
    uvloop.install()
    asyncio.run(serve(Echo))
  else:
    asyncio.run(serve(BufferedEcho))


if __name__ == "__main__":
  main()
