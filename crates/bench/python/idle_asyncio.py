# asyncio: a `Protocol` for each connection, and so many `call_later`.
import asyncio


async def main():
    loop = asyncio.get_running_loop()
    for connection in connections():
        connection.setblocking(False)
        await loop.connect_accepted_socket(asyncio.Protocol, connection)
    for _ in range(TIMERS):
        loop.call_later(AN_HOUR, nothing)
    say("ready")
    await asyncio.Event().wait()


asyncio.run(main())
