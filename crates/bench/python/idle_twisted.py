# Twisted: a `Protocol` for each connection, and so many `callLater`.
try:
    from twisted.internet import protocol, reactor
except ImportError:
    skip("python3 cannot import twisted")


def adopt():
    factory = protocol.Factory.forProtocol(protocol.Protocol)
    for connection in connections():
        # The reactor takes a duplicate.
        with connection:
            reactor.adoptStreamConnection(connection.fileno(), socket.AF_INET, factory)
    for _ in range(TIMERS):
        reactor.callLater(AN_HOUR, nothing)
    say("ready")


reactor.callWhenRunning(adopt)
reactor.run()
