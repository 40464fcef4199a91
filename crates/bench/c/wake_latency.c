// libuv, `wake_latency`: a function handed by a foreign thread to the loop, which sleeps.
#include "queue.h"

#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct queue queue;
static size_t operations;
static uint64_t pause_between;
static uint64_t *laps;
// How long the call took; 0 while it is under way.
static _Atomic uint64_t answer;
// The file in which the system says what the loop's thread does.
static int loop_stat;

static void arrive(void *asked) {
    uint64_t took = now() - (uintptr_t)asked;
    atomic_store_explicit(&answer, took > 0 ? took : 1, memory_order_release);
}

static void stop(void *argument) {
    (void)argument;
    queue_close(&queue);
}

static int open_stat(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%ld/stat", syscall(SYS_gettid));
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        fail(path, strerror(errno));
    return file;
}

// The state stands behind the name, which is in parentheses and may contain more of them.
static bool loop_sleeps(void) {
    char text[256];
    ssize_t length = pread(loop_stat, text, sizeof text - 1, 0);
    if (length < 0)
        fail("stat", strerror(errno));
    text[length] = '\0';
    char *name_ends = strrchr(text, ')');
    return name_ends != NULL && strncmp(name_ends, ") S", 3) == 0;
}

// It does not sleep: then waking up again would be a part of what is measured.
static void pause_before_the_next(void) {
    uint64_t start = now();
    while (now() - start < pause_between || !loop_sleeps())
        sched_yield();
}

static void produce(void *argument) {
    (void)argument;
    for (size_t lap = 0; lap < operations; lap++) {
        pause_before_the_next();
        atomic_store_explicit(&answer, 0, memory_order_release);
        queue_call(&queue, arrive, (void *)(uintptr_t)now());
        while ((laps[lap] = atomic_load_explicit(&answer, memory_order_acquire)) == 0)
            sched_yield();
    }
    queue_call(&queue, stop, NULL);
}

static void converse(void) {
    uv_loop_t loop;
    uv_thread_t foreign;
    check(uv_loop_init(&loop), "uv_loop_init");
    queue_open(&queue, &loop);
    check(uv_thread_create(&foreign, produce, NULL), "uv_thread_create");
    uv_run(&loop, UV_RUN_DEFAULT);
    check(uv_thread_join(&foreign), "uv_thread_join");
    queue_free(&queue);
    check(uv_loop_close(&loop), "uv_loop_close");
}

// How many to warm up with, how many to measure, and nanoseconds between them, at least.
int main(int count, char **words) {
    begin();
    if (count != 4)
        fail(words[0], "needs three words");
    loop_stat = open_stat();
    pause_between = number(words[3]);
    operations = number(words[1]);
    laps = memory(NULL, operations * sizeof *laps);
    converse();
    operations = number(words[2]);
    laps = memory(laps, operations * sizeof *laps);
    uint64_t start = now(), busy_before = busy();
    converse();
    print_sample(now() - start, busy() - busy_before, operations, true);
    for (size_t lap = 0; lap < operations; lap++)
        printf("%llu ", (unsigned long long)laps[lap]);
    return 0;
}
