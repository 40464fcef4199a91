// libuv, `idle`: silent connections and timers that are not due. Somebody else looks on.
#include "contest.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define AN_HOUR (3600 * 1000)

static void lend(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    (void)handle;
    (void)suggested;
    (void)buffer;
    fail("idle", "a connection that was silent");
}

static void hear(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer) {
    (void)stream;
    (void)length;
    (void)buffer;
    fail("idle", "a connection that was silent");
}

static void fire(uv_timer_t *timer) {
    (void)timer;
    fail("idle", "a timer that was not due");
}

static int system_call(int answer, const char *what) {
    if (answer < 0)
        fail(what, strerror(errno));
    return answer;
}

static int listen_and_say_where(size_t connections) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = system_call(socket(AF_INET, SOCK_STREAM, 0), "socket");
    system_call(bind(listener, (struct sockaddr *)&address, length), "bind");
    system_call(listen(listener, (int)connections), "listen");
    system_call(getsockname(listener, (struct sockaddr *)&address, &length), "getsockname");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static void hold(uv_loop_t *loop, int socket) {
    uv_tcp_t *connection = memory(NULL, sizeof *connection);
    check(uv_tcp_init(loop, connection), "uv_tcp_init");
    check(uv_tcp_open(connection, socket), "uv_tcp_open");
    check(uv_read_start((uv_stream_t *)connection, lend, hear), "uv_read_start");
}

static void set_timer(uv_loop_t *loop) {
    uv_timer_t *timer = memory(NULL, sizeof *timer);
    check(uv_timer_init(loop, timer), "uv_timer_init");
    check(uv_timer_start(timer, fire, AN_HOUR, 0), "uv_timer_start");
}

// How many connections there will be, and how many timers. After the connections one comes that brings the word to go on; whoever
// has brought it ends this process.
int main(int count, char **words) {
    begin();
    if (count != 3)
        fail(words[0], "needs two words");
    size_t connections = number(words[1]);
    size_t timers = number(words[2]);
    int *sockets = memory(NULL, connections * sizeof *sockets);
    int listener = listen_and_say_where(connections + 1);
    for (size_t index = 0; index < connections; index++)
        sockets[index] = system_call(accept(listener, NULL, NULL), "accept");
    int control = system_call(accept(listener, NULL, NULL), "accept");
    puts("open");
    fflush(stdout);
    char word;
    if (system_call((int)read(control, &word, 1), "read") != 1)
        fail("read", "no word");
    uv_loop_t loop;
    check(uv_loop_init(&loop), "uv_loop_init");
    for (size_t index = 0; index < connections; index++)
        hold(&loop, sockets[index]);
    for (size_t index = 0; index < timers; index++)
        set_timer(&loop);
    puts("ready");
    fflush(stdout);
    uv_run(&loop, UV_RUN_DEFAULT);
    fail("idle", "the loop has ended");
}
