// libuv, `echo` and `accept`: a server that sends back what it reads over each connection, until all are closed.
#include "contest.h"

#include <arpa/inet.h>
#include <netinet/in.h>

struct connection {
    uv_tcp_t handle;
    char buffer[];
};

// What could not be written at once.
struct rest {
    uv_write_t request;
    char bytes[];
};

static uv_tcp_t listener;
static size_t expected;
// How many bytes a buffer has.
static size_t room;
static size_t greeted;
static size_t parted;
static size_t closed;
// Processor time, from so many greetings to so many farewells: in `echo` from the last to the first,
// in `accept` the other way round.
static size_t greetings;
static size_t farewells;
static uint64_t busy_before;
static uint64_t busy_after;

static void free_connection(uv_handle_t *handle) {
    free(handle->data);
    closed += 1;
    if (closed == expected)
        uv_close((uv_handle_t *)&listener, NULL);
}

static void free_rest(uv_write_t *request, int status) {
    check(status, "uv_write");
    free(request->data);
}

static void answer(uv_stream_t *stream, char *bytes, size_t length) {
    uv_buf_t buffer = uv_buf_init(bytes, (unsigned)length);
    int written = uv_try_write(stream, &buffer, 1);
    if (written == UV_EAGAIN)
        written = 0;
    check(written, "uv_try_write");
    if ((size_t)written == length)
        return;
    length -= (size_t)written;
    struct rest *rest = memory(NULL, sizeof *rest + length);
    memcpy(rest->bytes, bytes + written, length);
    rest->request.data = rest;
    buffer = uv_buf_init(rest->bytes, (unsigned)length);
    check(uv_write(&rest->request, stream, &buffer, 1, free_rest), "uv_write");
}

static void lend(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    struct connection *connection = handle->data;
    (void)suggested;
    *buffer = uv_buf_init(connection->buffer, (unsigned)room);
}

static void hear(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer) {
    // The clients of `accept` go with a reset.
    if (length == UV_EOF || length == UV_ECONNRESET) {
        if (++parted == farewells)
            busy_after = busy();
        uv_close((uv_handle_t *)stream, free_connection);
        return;
    }
    check((int)length, "read");
    if (length == 0)
        return;
    answer(stream, buffer->base, (size_t)length);
    // The first messages are for nothing but to know that it is served.
    if (greeted < greetings && ++greeted == greetings)
        busy_before = busy();
}

static void welcome(uv_stream_t *stream, int status) {
    check(status, "listen");
    struct connection *connection = memory(NULL, sizeof *connection + room);
    check(uv_tcp_init(stream->loop, &connection->handle), "uv_tcp_init");
    connection->handle.data = connection;
    check(uv_accept(stream, (uv_stream_t *)&connection->handle), "uv_accept");
    check(uv_read_start((uv_stream_t *)&connection->handle, lend, hear), "uv_read_start");
}

// Whoever has started this connects when it knows the port.
static void print_port(void) {
    struct sockaddr_in address;
    int length = sizeof address;
    check(uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &length), "getsockname");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
}

// How many connections there will be, between what the processor time counts, and how large the
// buffers are.
int main(int count, char **words) {
    begin();
    if (count != 5)
        fail(words[0], "needs four words");
    expected = number(words[1]);
    greetings = number(words[2]);
    farewells = number(words[3]);
    room = number(words[4]);
    uv_loop_t loop;
    struct sockaddr_in any_port;
    check(uv_loop_init(&loop), "uv_loop_init");
    check(uv_tcp_init(&loop, &listener), "uv_tcp_init");
    check(uv_ip4_addr("127.0.0.1", 0, &any_port), "uv_ip4_addr");
    check(uv_tcp_bind(&listener, (struct sockaddr *)&any_port, 0), "uv_tcp_bind");
    check(uv_listen((uv_stream_t *)&listener, 128, welcome), "uv_listen");
    print_port();
    uv_run(&loop, UV_RUN_DEFAULT);
    printf("%llu\n", (unsigned long long)(busy_after - busy_before));
    check(uv_loop_close(&loop), "uv_loop_close");
    return 0;
}
