# How much processor time a server takes from a greeting to a farewell: in `echo` from the last one to the
# first one, in `accept` the other way round.
class Account:
    def __init__(self, connections, greetings, farewells):
        self.left = connections
        self.to_be_greeted = greetings
        self.to_be_lost = farewells
        self.before = self.after = None

    def greeted(self):
        """A connection has had its first message, which tells that it is served."""
        self.to_be_greeted -= 1
        if self.to_be_greeted == 0:
            self.before = time.process_time_ns()

    def lost(self):
        """`True`: it was the last connection."""
        self.to_be_lost -= 1
        if self.to_be_lost == 0:
            self.after = time.process_time_ns()
        self.left -= 1
        return self.left == 0

    def finish(self):
        """Prints what the harness reads."""
        print(self.after - self.before)


# More than may be waiting to be accepted.
BACKLOG = 128

account = Account(*map(int, sys.argv[1:]))
