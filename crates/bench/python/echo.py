# How much processor time a server takes from the last greeting to the first farewell.
class Account:
    def __init__(self, connections):
        self.to_be_greeted = self.left = connections
        self.before = self.after = None

    def greeted(self):
        """A connection has had its first message, which tells that it is served, and no more."""
        self.to_be_greeted -= 1
        if self.to_be_greeted == 0:
            self.before = time.process_time_ns()

    def lost(self):
        """`True`: it was the last connection."""
        if self.after is None:
            self.after = time.process_time_ns()
        self.left -= 1
        return self.left == 0

    def finish(self):
        """Prints what the harness reads."""
        print(self.after - self.before)


account = Account(int(sys.argv[1]))
