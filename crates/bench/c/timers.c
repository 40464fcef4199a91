// libuv, `timers`: a uv_timer_t each, whose memory is its owner's and is free when it is closed.
//
// A deadline is in whole milliseconds, and counts from the time that the loop has noted, unless
// somebody asks for the clock to be read before each timer is set.
#include "tally.h"

#define MILLISECOND 1000000ULL
#define SECOND 1000000000ULL
// As in `src/workloads/timers.rs`.
#define A_TICK (10 * MILLISECOND)

struct timer {
    uv_timer_t handle;
    size_t number;
};

static uv_loop_t loop;
static bool reads_the_clock;
// How many have been closed and are free.
static size_t freed;

static void free_timer(uv_handle_t *handle) {
    free(handle->data);
    freed += 1;
}

static void close_timer(struct timer *timer) {
    uv_close((uv_handle_t *)&timer->handle, free_timer);
}

static void fire(uv_timer_t *handle) {
    struct timer *timer = handle->data;
    tally_arrive(timer->number, 1);
    close_timer(timer);
}

static struct timer *set(size_t number, uint64_t delay) {
    struct timer *timer = memory(NULL, sizeof *timer);
    timer->number = number;
    check(uv_timer_init(&loop, &timer->handle), "uv_timer_init");
    timer->handle.data = timer;
    if (reads_the_clock)
        uv_update_time(&loop);
    uint64_t milliseconds = (delay + MILLISECOND - 1) / MILLISECOND;
    check(uv_timer_start(&timer->handle, fire, milliseconds, 0), "uv_timer_start");
    return timer;
}

static void cancel(struct timer *timer) {
    if (!uv_is_active((uv_handle_t *)&timer->handle))
        fail("timers", "one was lost");
    check(uv_timer_stop(&timer->handle), "uv_timer_stop");
    close_timer(timer);
}

// In it the memory of what has been closed is given back.
static void turn(void) {
    uv_run(&loop, UV_RUN_NOWAIT);
}

static uint64_t random_state;

static void start(void) {
    check(uv_loop_init(&loop), "uv_loop_init");
    // As in `src/workloads/timers.rs`.
    random_state = 0x9E3779B97F4A7C15;
    freed = 0;
}

static void end(size_t operations) {
    if (freed != operations)
        fail("timers", "some are not free");
    check(uv_loop_close(&loop), "uv_loop_close");
}

// xorshift64*, scaled to what lies between the two.
static uint64_t delay(uint64_t first, uint64_t beyond) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    uint64_t random = random_state * 0x2545F4914F6CDD1D;
    return first + (uint64_t)((unsigned __int128)random * (beyond - first) >> 64);
}

// Sets them and cancels the oldest, so many at a time. A turn is made when as many are closed.
static uint64_t run_cancel(size_t operations, size_t in_flight) {
    struct timer **live = memory(NULL, in_flight * sizeof *live);
    size_t cancelled = 0;
    start();
    tally_start(operations, operations);
    for (size_t number = 0; number < operations + in_flight; number++) {
        if (number >= in_flight) {
            cancel(live[number % in_flight]);
            tally_arrive(number - in_flight, 1);
            cancelled += 1;
            if (cancelled % in_flight == 0)
                turn();
        }
        if (number < operations)
            live[number % in_flight] = set(number, delay(SECOND, 60 * SECOND));
    }
    turn();
    uint64_t end_of_all = now();
    tally_finish();
    end(operations);
    free(live);
    return end_of_all - tally.moments[0];
}

// Sets all, and runs them when all are due. What is between is nobody's merit.
static uint64_t run_fire(size_t operations) {
    start();
    uint64_t start_of_set = now();
    for (size_t number = 0; number < operations; number++)
        set(number, delay(0, SECOND));
    uint64_t end_of_set = now();
    for (uint64_t due = end_of_set + SECOND + A_TICK, time; (time = now()) < due;)
        uv_sleep((unsigned)((due - time + MILLISECOND - 1) / MILLISECOND));
    tally_start(operations, operations);
    uv_run(&loop, UV_RUN_DEFAULT);
    uint64_t end_of_run = now();
    tally_finish();
    end(operations);
    return end_of_set - start_of_set + end_of_run - tally.moments[0];
}

// Bytes of memory that this process occupies, page by page.
static size_t resident(void) {
    FILE *file = fopen("/proc/self/smaps_rollup", "re");
    char line[256];
    size_t kibibytes = 0;
    bool found = false;
    if (file == NULL)
        fail("smaps_rollup", strerror(errno));
    while (!found && fgets(line, sizeof line, file) != NULL)
        found = sscanf(line, "Rss: %zu kB", &kibibytes) == 1;
    fclose(file);
    if (!found)
        fail("smaps_rollup", "no Rss");
    return 1024 * kibibytes;
}

// Bytes of each that waits.
static double run_memory(size_t operations) {
    struct timer **live = memory(NULL, operations * sizeof *live);
    start();
    size_t before = resident();
    for (size_t number = 0; number < operations; number++)
        live[number] = set(number, delay(SECOND, 60 * SECOND));
    size_t after = resident();
    for (size_t number = 0; number < operations; number++)
        cancel(live[number]);
    turn();
    end(operations);
    free(live);
    return (double)(after - before) / (double)operations;
}

static uint64_t run(const char *scenario, size_t operations, size_t in_flight) {
    if (strcmp(scenario, "fire") == 0)
        return run_fire(operations);
    if (strcmp(scenario, "cancel") == 0)
        return run_cancel(operations, in_flight < operations ? in_flight : operations);
    fail(scenario, "no such scenario");
}

// The scenario, how many to warm up with, how many to measure, how many at a time, and whether the
// clock is read for each.
int main(int count, char **words) {
    begin();
    if (count != 6)
        fail(words[0], "needs five words");
    size_t warm_up = number(words[2]), operations = number(words[3]), in_flight = number(words[4]);
    reads_the_clock = number(words[5]) != 0;
    if (strcmp(words[1], "memory") == 0) {
        double each = run_memory(operations);
        print_sample(0, 0, operations, true);
        printf("%.3f\n", each);
        return 0;
    }
    run(words[1], warm_up, in_flight);
    uint64_t busy_before = busy();
    uint64_t elapsed = run(words[1], operations, in_flight);
    print_sample(elapsed, busy() - busy_before, operations, true);
    return 0;
}
