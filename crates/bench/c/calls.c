// libuv, `calls`: functions with an argument, handed to the loop by foreign threads.
#include "queue.h"
#include "tally.h"

// As in `src/workloads/calls.rs`.
#define LAP 1000

struct foreign {
    uv_thread_t thread;
    size_t producer;
    uint64_t started;
};

static struct queue queue;
static uv_barrier_t ready;
static size_t operations;
static size_t producers;

static void arrive_from_one(void *number) {
    if (tally_arrive((uintptr_t)number, 1))
        queue_close(&queue);
}

static void arrive_from_four(void *number) {
    if (tally_arrive((uintptr_t)number, 4))
        queue_close(&queue);
}

static void produce(void *argument) {
    struct foreign *self = argument;
    call_function *arrive = producers == 1 ? arrive_from_one : arrive_from_four;
    uv_barrier_wait(&ready);
    self->started = now();
    for (size_t number = self->producer; number < operations; number += producers)
        queue_call(&queue, arrive, (void *)(uintptr_t)number);
}

// How long all of them took.
static uint64_t race(void) {
    struct foreign foreign[MAX_PRODUCERS];
    uv_loop_t loop;
    check(uv_loop_init(&loop), "uv_loop_init");
    queue_open(&queue, &loop);
    check(uv_barrier_init(&ready, (unsigned)producers + 1), "uv_barrier_init");
    for (size_t producer = 0; producer < producers; producer++) {
        foreign[producer].producer = producer;
        check(uv_thread_create(&foreign[producer].thread, produce, &foreign[producer]),
              "uv_thread_create");
    }
    tally_start(operations, LAP);
    uv_barrier_wait(&ready);
    uv_run(&loop, UV_RUN_DEFAULT);
    uint64_t start = UINT64_MAX;
    for (size_t producer = 0; producer < producers; producer++) {
        check(uv_thread_join(&foreign[producer].thread), "uv_thread_join");
        if (foreign[producer].started < start)
            start = foreign[producer].started;
    }
    tally_began(start);
    uv_barrier_destroy(&ready);
    queue_free(&queue);
    check(uv_loop_close(&loop), "uv_loop_close");
    return tally_finish();
}

// How many to warm up with, how many to measure, from how many threads.
int main(int count, char **words) {
    begin();
    if (count != 4)
        fail(words[0], "needs three words");
    producers = number(words[3]);
    if (producers != 1 && producers != 4)
        fail(words[3], "neither one nor four threads");
    operations = number(words[1]);
    race();
    operations = number(words[2]);
    uint64_t busy_before = busy();
    uint64_t elapsed = race();
    print_sample(elapsed, busy() - busy_before, operations, tally.in_order);
    tally_print_laps();
    return 0;
}
