# Twisted: a `Protocol` for each connection.
try:
    from twisted.internet import protocol, reactor
except ImportError:
    skip("python3 cannot import twisted")


class Echo(protocol.Protocol):
    greeted = False

    def dataReceived(self, data):
        self.transport.write(data)
        if not self.greeted:
            self.greeted = True
            account.greeted()

    def connectionLost(self, reason):
        if account.lost():
            reactor.stop()


factory = protocol.Factory.forProtocol(Echo)
port = reactor.listenTCP(0, factory, BACKLOG, "127.0.0.1")
print(port.getHost().port, flush=True)
reactor.run()
account.finish()
