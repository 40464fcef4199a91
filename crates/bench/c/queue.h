// Calls from any thread to the loop: a vector behind a lock, swapped whole, and one uv_async_t.
#ifndef QUEUE_H
#define QUEUE_H

#include "contest.h"

typedef void call_function(void *argument);

struct call {
    call_function *function;
    void *argument;
};

struct calls {
    struct call *first;
    size_t length;
    size_t capacity;
};

struct queue {
    uv_mutex_t lock;
    // Under the lock.
    struct calls waiting;
    // The loop's.
    struct calls batch;
    uv_async_t wake;
};

static inline void queue_run(uv_async_t *wake) {
    struct queue *queue = wake->data;
    uv_mutex_lock(&queue->lock);
    struct calls batch = queue->waiting;
    queue->waiting = queue->batch;
    uv_mutex_unlock(&queue->lock);
    for (size_t index = 0; index < batch.length; index++)
        batch.first[index].function(batch.first[index].argument);
    batch.length = 0;
    queue->batch = batch;
}

static inline void queue_open(struct queue *queue, uv_loop_t *loop) {
    memset(queue, 0, sizeof *queue);
    check(uv_mutex_init(&queue->lock), "uv_mutex_init");
    check(uv_async_init(loop, &queue->wake, queue_run), "uv_async_init");
    queue->wake.data = queue;
}

// From any thread.
static inline void queue_call(struct queue *queue, call_function *function, void *argument) {
    uv_mutex_lock(&queue->lock);
    struct calls *waiting = &queue->waiting;
    if (waiting->length == waiting->capacity) {
        waiting->capacity = waiting->capacity == 0 ? 64 : 2 * waiting->capacity;
        waiting->first = memory(waiting->first, waiting->capacity * sizeof *waiting->first);
    }
    waiting->first[waiting->length++] = (struct call){function, argument};
    // Who finds the queue empty wakes the loop: the others have been woken for.
    bool first = waiting->length == 1;
    uv_mutex_unlock(&queue->lock);
    if (first)
        check(uv_async_send(&queue->wake), "uv_async_send");
}

// On the loop's thread: it has nothing more to wait for.
static inline void queue_close(struct queue *queue) {
    uv_close((uv_handle_t *)&queue->wake, NULL);
}

// When the loop has ended, and no thread calls any more.
static inline void queue_free(struct queue *queue) {
    uv_mutex_destroy(&queue->lock);
    free(queue->waiting.first);
    free(queue->batch.first);
}

#endif
