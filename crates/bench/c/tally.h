// What the loop's thread counts while the operations arrive: the same as `src/tally.rs`.
#ifndef TALLY_H
#define TALLY_H

#include "contest.h"

#define MAX_PRODUCERS 4

static struct {
    size_t arrived;
    size_t total;
    size_t lap;
    size_t next_lap;
    bool in_order;
    // How many have come from each producer.
    size_t from[MAX_PRODUCERS];
    size_t sum;
    uint64_t *moments;
    size_t moments_length;
} tally;

// The clock starts now. `lap` operations are timed together.
static inline void tally_start(size_t total, size_t lap) {
    uint64_t *moments = memory(tally.moments, (total / lap + 2) * sizeof *moments);
    memset(&tally, 0, sizeof tally);
    tally.total = total;
    tally.lap = lap;
    tally.next_lap = lap;
    tally.in_order = true;
    tally.moments = moments;
    tally.moments[tally.moments_length++] = now();
}

// The clock had started then: when the first foreign thread made its first call.
static inline void tally_began(uint64_t start) {
    tally.moments[0] = start;
}

// The operation with this number has arrived, where so many producers take turns with the numbers:
// each has an order of its own. `true`: it was the last one.
static inline bool tally_arrive(size_t number, size_t producers) {
    size_t *from = &tally.from[number % producers];
    if (number / producers != *from)
        tally.in_order = false;
    *from += 1;
    tally.arrived += 1;
    tally.sum += number;
    bool last = tally.arrived == tally.total;
    if (tally.arrived == tally.next_lap || last) {
        tally.next_lap = tally.arrived + tally.lap;
        tally.moments[tally.moments_length++] = now();
    }
    return last;
}

// From the start to the last operation. It must have been each of them once.
static inline uint64_t tally_finish(void) {
    size_t expected = 0;
    for (size_t number = 0; number < tally.total; number++)
        expected += number;
    if (tally.arrived != tally.total)
        fail("tally", "some operation did not arrive");
    if (tally.sum != expected)
        fail("tally", "some operation came twice");
    return tally.moments[tally.moments_length - 1] - tally.moments[0];
}

static inline void tally_print_laps(void) {
    size_t laps = tally.total / tally.lap;
    for (size_t lap = 0; lap < laps; lap++) {
        uint64_t took = tally.moments[lap + 1] - tally.moments[lap];
        printf("%.3f ", (double)took / (double)tally.lap);
    }
}

#endif
