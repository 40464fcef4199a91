# Twisted: a `Protocol` for each connection.
try:
    from twisted.internet import protocol, reactor
except ImportError:
    skip("python3 cannot import twisted")


class Echo(protocol.Protocol):
    def dataReceived(self, data):
        self.transport.write(data)

    def connectionLost(self, reason):
        global left
        left -= 1
        if left == 0:
            reactor.stop()


left = int(sys.argv[1])
busy_before = time.process_time_ns()
port = reactor.listenTCP(0, protocol.Factory.forProtocol(Echo), interface="127.0.0.1")
print(port.getHost().port, flush=True)
reactor.run()
print(time.process_time_ns() - busy_before)
