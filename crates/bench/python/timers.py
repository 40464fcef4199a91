# What there is to do with timers: the same as in `src/workloads/timers.rs`.
import random
from collections import deque

A_TICK = 0.01


class Timers:
    def __init__(self, call_later, turn):
        """`turn` has the loop run what is due, and forget what has been cancelled."""
        self.call_later = call_later
        self.turn = turn

    def cancel(self, operations, in_flight):
        delays = delays_between(1, 60, operations)
        arrived, cancelled = [], 0
        live = deque()
        start = time.perf_counter_ns()
        for number, delay in enumerate(delays):
            if len(live) == in_flight:
                live.popleft().cancel()
                cancelled += 1
                if cancelled % in_flight == 0:
                    self.turn()
            live.append(self.call_later(delay, arrived.append, number))
        while live:
            live.popleft().cancel()
            cancelled += 1
        self.turn()
        elapsed = time.perf_counter_ns() - start
        assert cancelled == operations and not arrived, "some timer ran"
        return elapsed, []

    def fire(self, operations, _in_flight):
        delays = delays_between(0, 1, operations)
        arrived, handles = [], []
        start = time.perf_counter_ns()
        for number, delay in enumerate(delays):
            handles.append(self.call_later(delay, arrived.append, number))
        elapsed = time.perf_counter_ns() - start
        time.sleep(1 + A_TICK)
        start = time.perf_counter_ns()
        while len(arrived) < operations:
            self.turn()
        elapsed += time.perf_counter_ns() - start
        assert sorted(arrived) == list(range(operations)), "some timer ran twice"
        return elapsed, []

    def memory(self, operations, _in_flight):
        delays = delays_between(1, 60, operations)
        arrived, handles = [], [None] * operations
        before = resident()
        for number, delay in enumerate(delays):
            handles[number] = self.call_later(delay, arrived.append, number)
        each = (resident() - before) / operations
        for handle in handles:
            handle.cancel()
        self.turn()
        return 0, [each]

    def main(self, scenario, *numbers):
        """Prints what the harness reads."""
        warm_up, operations, in_flight = map(int, numbers)
        run = getattr(self, scenario)
        if scenario != "memory":
            run(warm_up, in_flight)
        busy_before = time.process_time_ns()
        elapsed, laps = run(operations, in_flight)
        print(elapsed, time.process_time_ns() - busy_before, operations, 1)
        print(*laps)


def delays_between(first, beyond, count):
    """All of them before the clock starts: to make one takes as long as to set a timer."""
    chance = random.Random(1)
    return [chance.uniform(first, beyond) for _ in range(count)]


def resident():
    """Bytes of memory that this process occupies, page by page."""
    with open("/proc/self/smaps_rollup") as rollup:
        return next(1024 * int(line.split()[1]) for line in rollup if line.startswith("Rss:"))
