# What hands calls to a loop that sleeps, one after the other, from a foreign thread.
import os


class Caller:
    def __init__(self, operations, pause):
        """Is made on the loop's thread."""
        self.operations = operations
        self.pause = pause / 1e9
        self.laps = []
        self.answered = threading.Semaphore(0)
        self.loop_stat = os.open(f"/proc/self/task/{threading.get_native_id()}/stat", os.O_RDONLY)

    def loop_sleeps(self):
        # The state stands behind the name, which is in parentheses and may contain more of them.
        return os.pread(self.loop_stat, 256, 0).rpartition(b") ")[2].startswith(b"S")

    def wait(self):
        """Sleeps, because the threads take turns with the interpreter: the loop needs it, too."""
        time.sleep(self.pause)
        while not self.loop_sleeps():
            time.sleep(0)

    def arrive(self, asked):
        self.laps.append(time.perf_counter_ns() - asked)
        self.answered.release()

    def start(self, call, stop):
        def calls():
            for _ in range(self.operations):
                self.wait()
                call(self.arrive, time.perf_counter_ns())
                self.answered.acquire()
            call(stop)

        self.started = time.perf_counter_ns()
        self.thread = threading.Thread(target=calls)
        self.thread.start()

    def finish(self):
        """Prints what the harness reads."""
        self.thread.join()
        elapsed = time.perf_counter_ns() - self.started
        print(elapsed, time.process_time_ns(), self.operations, 1)
        print(*self.laps)
