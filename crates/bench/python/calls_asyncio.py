# asyncio: `call_soon_threadsafe`.
import asyncio


async def main(tally):
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    tally.done = done.set
    tally.produce(loop.call_soon_threadsafe)
    tally.ready.wait()
    await done.wait()


tally = Tally(*map(int, sys.argv[1:]))
asyncio.run(main(tally))
tally.finish()
