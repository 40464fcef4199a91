# asyncio: a `Protocol` for each connection.
import asyncio


class Echo(asyncio.Protocol):
    greeted = False

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)
        if not self.greeted:
            self.greeted = True
            account.greeted()

    def connection_lost(self, reason):
        if account.lost():
            done.set()


async def main():
    global done
    done = asyncio.Event()
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0, backlog=BACKLOG)
    print(server.sockets[0].getsockname()[1], flush=True)
    await done.wait()
    server.close()


asyncio.run(main())
account.finish()
