"""Counts the lines of each connection, as asyncio's documentation reads them: readline() in a loop."""
import asyncio

served = 0


async def count(reader, writer):
    global served
    frames = length = 0
    while line := await reader.readline():
        frames += 1
        length += len(line) - 1
    served += 1
    print(f"{served}: {frames} {length}", flush=True)
    writer.close()


async def main():
    server = await asyncio.start_server(count, "127.0.0.1", 0)
    print(f"listening on 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


asyncio.run(main())
