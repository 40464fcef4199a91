# What the loop's thread counts while the operations arrive; put in front of the other files.
import sys
import threading
import time


def skip(why):
    print("skipped:", why)
    sys.exit()


class Tally:
    LAP = 1000

    def __init__(self, operations, producers):
        self.operations = operations
        self.producers = producers
        self.arrived = 0
        self.arrived_from = [0] * producers
        self.in_order = True
        self.moments = []
        self.started = []
        self.ready = threading.Barrier(producers + 1)
        # Without the start of the interpreter.
        self.busy_before = time.process_time_ns()

    def produce(self, call):
        """Starts the producers; each hands its numbers to `call`."""

        def calls(producer):
            numbers = range(producer, self.operations, self.producers)
            self.ready.wait()
            self.started.append(time.perf_counter_ns())
            for number in numbers:
                call(self.arrive, number)

        self.threads = [
            threading.Thread(target=calls, args=(producer,)) for producer in range(self.producers)
        ]
        for thread in self.threads:
            thread.start()

    def arrive(self, number):
        producer = number % self.producers
        if number // self.producers != self.arrived_from[producer]:
            self.in_order = False
        self.arrived_from[producer] += 1
        self.arrived += 1
        last = self.arrived == self.operations
        if last or self.arrived % self.LAP == 0:
            self.moments.append(time.perf_counter_ns())
        if last:
            self.done()

    def finish(self):
        """Prints what the harness reads."""
        for thread in self.threads:
            thread.join()
        start = min(self.started)
        moments = [start] + self.moments
        laps = [(after - before) / self.LAP for before, after in zip(moments, moments[1:])]
        elapsed = moments[-1] - start
        print(elapsed, time.process_time_ns() - self.busy_before, self.operations, int(self.in_order))
        print(*laps)
