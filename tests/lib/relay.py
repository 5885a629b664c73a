"""A TCP relay that makes a good network a bad one: `relay.py LISTEN_PORT HOST PORT DELAY_MS RESET_PERCENT SEED`.

Each piece of data waits DELAY_MS (a tenth of them ten times as long); each connection is reset after some time with a
probability of RESET_PERCENT per piece. Lost packets look like that to a program: late data, or a broken connection.
"""
import asyncio
import random
import sys


async def pump(reader, writer, delay, reset, dice):
    try:
        while data := await reader.read(65536):
            await asyncio.sleep(delay * (10 if dice.random() < 0.1 else 1))
            if dice.random() * 100 < reset:
                writer.transport.abort()
                return
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except (ConnectionError, OSError, RuntimeError):
        writer.transport.abort()


async def main(listen, host, port, delay_ms, reset, seed):
    dice = random.Random(seed)

    async def serve(reader, writer):
        try:
            up_reader, up_writer = await asyncio.open_connection(host, port)
        except OSError:
            writer.transport.abort()
            return
        try:
            await asyncio.gather(pump(reader, up_writer, delay_ms / 1000, reset, dice),
                                 pump(up_reader, writer, delay_ms / 1000, reset, dice))
        finally:
            writer.close()
            up_writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", listen)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5]),
                     int(sys.argv[6])))
