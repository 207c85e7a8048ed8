"""A wire to 127.0.0.1:22 for ssh's ProxyCommand that is as long as the argument
says: each byte arrives that many milliseconds later, in both directions. What
is sent meanwhile is under way as well, as on a real wire. The second argument is
a file that gets a line a connection."""

import os
import queue
import socket
import sys
import threading
import time

DELAY = float(sys.argv[1]) / 1000
with open(sys.argv[2], "a", encoding="ascii") as log:
    log.write("connection\n")
peer = socket.create_connection(("127.0.0.1", 22))
peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def receive(read, wire):
    while True:
        data = read()
        wire.put((time.monotonic() + DELAY, data))
        if not data:
            return


def deliver(wire, write, end):
    while True:
        due, data = wire.get()
        time.sleep(max(0, due - time.monotonic()))
        if not data:
            end()
            return
        write(data)


def write_all(data):
    while data:
        data = data[os.write(1, data) :]


there, back = queue.Queue(), queue.Queue()
threads = [
    threading.Thread(target=receive, args=(lambda: os.read(0, 65536), there), daemon=True),
    threading.Thread(target=receive, args=(lambda: peer.recv(65536), back), daemon=True),
    threading.Thread(
        target=deliver,
        args=(there, peer.sendall, lambda: peer.shutdown(socket.SHUT_WR)),
        daemon=True,
    ),
]
for thread in threads:
    thread.start()
# It is over when the server has said all.
deliver(back, write_all, lambda: None)
