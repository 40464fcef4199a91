// What all contestants in C need: clocks, memory, numbers, and an end with a word.
#ifndef CONTEST_H
#define CONTEST_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <uv.h>

// The harness reports who ends so.
_Noreturn static inline void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

// What libuv answers is negative if it is an error.
static inline void check(int answer, const char *what) {
    if (answer < 0)
        fail(what, uv_strerror(answer));
}

// Whoever has started this waits for it. If it is gone, nobody does.
static inline void begin(void) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        fail("prctl", strerror(errno));
}

static inline uint64_t nanoseconds(clockid_t clock) {
    struct timespec time;
    if (clock_gettime(clock, &time) != 0)
        fail("clock_gettime", strerror(errno));
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static inline uint64_t now(void) {
    return nanoseconds(CLOCK_MONOTONIC);
}

// Processor time of all threads.
static inline uint64_t busy(void) {
    return nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
}

// `old` with another size, or new memory if it is NULL.
static inline void *memory(void *old, size_t size) {
    void *new = realloc(old, size);
    if (new == NULL)
        fail("realloc", "no memory");
    return new;
}

static inline size_t number(const char *word) {
    char *end;
    unsigned long long value = strtoull(word, &end, 10);
    if (end == word || *end != '\0')
        fail(word, "not a number");
    return value;
}

// The first line of a sample; the laps are the rest.
static inline void print_sample(uint64_t elapsed, uint64_t busy, size_t operations, bool in_order) {
    printf("%llu %llu %zu %d\n", (unsigned long long)elapsed, (unsigned long long)busy, operations,
           in_order);
}

#endif
