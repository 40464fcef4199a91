# asyncio: `call_later`.
import asyncio

loop = asyncio.new_event_loop()


def turn():
    loop.call_soon(loop.stop)
    loop.run_forever()


Timers(loop.call_later, turn).main(*sys.argv[1:])
