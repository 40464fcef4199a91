# asyncio: a `Protocol` for each connection.
import asyncio


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)

    def connection_lost(self, reason):
        global left
        left -= 1
        if left == 0:
            done.set()


async def main():
    global done
    done = asyncio.Event()
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await done.wait()
    server.close()


left = int(sys.argv[1])
busy_before = time.process_time_ns()
asyncio.run(main())
print(time.process_time_ns() - busy_before)
