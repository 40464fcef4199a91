# Silent connections, opened by whoever looks on and has started this, and the word to go on.
import socket

AN_HOUR = 3600
# How many timers there will be.
TIMERS = int(sys.argv[2])


def say(word):
    print(word, flush=True)


def connections():
    """The sockets, when the loop is to have them."""
    count = int(sys.argv[1])
    with socket.create_server(("127.0.0.1", 0), backlog=count + 1) as listener:
        say(listener.getsockname()[1])
        sockets = [listener.accept()[0] for _ in range(count)]
        global control
        control, _ = listener.accept()
    say("open")
    control.recv(1)
    return sockets


def nothing():
    pass
