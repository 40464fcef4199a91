# Twisted: `callLater`.
try:
    from twisted.internet import reactor
except ImportError:
    skip("python3 cannot import twisted")

Timers(reactor.callLater, lambda: reactor.iterate(0)).main(*sys.argv[1:])
