# Twisted: `callFromThread`.
try:
    from twisted.internet import reactor
except ImportError:
    skip("python3 cannot import twisted")

tally = Tally(*map(int, sys.argv[1:]))
tally.done = reactor.stop
tally.produce(reactor.callFromThread)
reactor.callWhenRunning(tally.ready.wait)
reactor.run()
tally.finish()
