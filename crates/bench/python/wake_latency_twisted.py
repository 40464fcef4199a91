# Twisted: `callFromThread`.
try:
    from twisted.internet import reactor
except ImportError:
    skip("python3 cannot import twisted")

caller = Caller(*map(int, sys.argv[1:]))
reactor.callWhenRunning(caller.start, reactor.callFromThread, reactor.stop)
reactor.run()
caller.finish()
