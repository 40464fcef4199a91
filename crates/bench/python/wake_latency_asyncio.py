# asyncio: `call_soon_threadsafe`.
import asyncio


async def main(caller):
    done = asyncio.Event()
    caller.start(asyncio.get_running_loop().call_soon_threadsafe, done.set)
    await done.wait()


caller = Caller(*map(int, sys.argv[1:]))
asyncio.run(main(caller))
caller.finish()
