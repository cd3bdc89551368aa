#!/usr/bin/env python3
"""The same as poll_loop.c in Python, through ctypes. A language with bindings of its own to C does it in the same way."""
import ctypes as c
import select
import socket
import sys
import time

OK, IO_CONNECT, IO_SEND = 0, 1, 2  # zg_err, zg_io_kind, zg_event_kind
READY, KNOCK_FAILED, MESSAGE, ENDED = 1, 9, 12, 17
FOREVER = 2**64 - 1


class Now(c.Structure):
    _fields_ = [("mono_ms", c.c_uint64), ("utc_ms", c.c_uint64)]


class Id(c.Structure):
    _fields_ = [("b", c.c_uint8 * 16)]


class Options(c.Structure):
    _fields_ = [("size", c.c_size_t), ("vault", c.c_void_p), ("random", c.c_void_p), ("random_ctx", c.c_void_p),
                ("lifetime_max_s", c.c_uint32)]


class Io(c.Structure):
    _fields_ = [("kind", c.c_int), ("link", c.c_uint32), ("host", c.c_char_p), ("port", c.c_uint16),
                ("data", c.c_void_p), ("len", c.c_size_t)]


class Event(c.Structure):
    _fields_ = [("kind", c.c_int), ("err", c.c_int), ("conversation", Id), ("message", Id), ("value", c.c_uint32)]


class Message(c.Structure):
    _fields_ = [("id", Id), ("kind", c.c_int), ("own", c.c_bool), ("newer_version", c.c_bool), ("state", c.c_int),
                ("text", c.c_void_p), ("text_len", c.c_size_t), ("data", c.c_void_p), ("data_len", c.c_size_t),
                ("sent_utc_ms", c.c_uint64), ("lifetime_s", c.c_uint32), ("after", c.c_int), ("expires_utc_ms", c.c_uint64)]


zg = c.CDLL("libzaguan.so.0")
client = c.c_void_p()
ref = c.byref


def function(name, result, *arguments):
    """Without its types ctypes takes everything for an int."""
    f = getattr(zg, "zg_" + name)
    f.restype, f.argtypes = result, arguments
    return f


new = function("client_new", c.c_int, c.POINTER(c.c_void_p), c.POINTER(Options), Now)
free = function("client_free", None, c.c_void_p)
next_io = function("client_io", c.c_bool, c.c_void_p, c.POINTER(Io))
next_event = function("client_event", c.c_bool, c.c_void_p, c.POINTER(Event))
opened = function("client_link_opened", None, c.c_void_p, c.c_uint32, Now)
closed = function("client_link_closed", None, c.c_void_p, c.c_uint32, Now)
received = function("client_link_received", None, c.c_void_p, c.c_uint32, c.c_char_p, c.c_size_t, Now)
deadline = function("client_deadline", c.c_uint64, c.c_void_p)
advance = function("client_advance", None, c.c_void_p, Now)
knock = function("client_knock", c.c_int, c.c_void_p, c.c_char_p, c.c_size_t, c.c_char_p, c.c_size_t, c.c_void_p,
                 c.POINTER(Id), Now)
message = function("client_message", c.c_int, c.c_void_p, c.POINTER(Id), c.POINTER(Id), c.POINTER(Message))
read = function("client_read", c.c_int, c.c_void_p, c.POINTER(Id), c.POINTER(Id), Now)
err_text = function("err_text", c.c_char_p, c.c_int)


def now():
    return Now(int(time.monotonic() * 1000), int(time.time() * 1000))


def check(err):
    if err != OK:
        raise RuntimeError(err_text(err).decode())


def look(card, text):
    """What a person should see. False: it is over."""
    event, m = Event(), Message()
    while next_event(client, ref(event)):
        if event.kind in (KNOCK_FAILED, ENDED):
            return False
        if event.kind == READY:
            check(knock(client, card, len(card), text, len(text), None, ref(Id()), now()))
        elif event.kind == MESSAGE and message(client, ref(event.conversation), ref(event.message), ref(m)) == OK:
            print(c.string_at(m.text, m.text_len).decode(), flush=True)  # borrowed until the next call
            check(read(client, ref(event.conversation), ref(event.message), now()))
    return True


def do_io(links):
    """What the client wants from the network."""
    io = Io()
    while next_io(client, ref(io)):
        if io.kind == IO_CONNECT:
            try:  # waits; a program with a window would not
                links[io.link] = socket.create_connection((io.host.decode(), io.port))
                opened(client, io.link, now())
            except OSError:
                closed(client, io.link, now())
        elif io.kind == IO_SEND:
            try:
                links[io.link].sendall(c.string_at(io.data, io.len))
            except OSError:
                pass  # reading will find the same
        else:
            links.pop(io.link).close()


def wait(links):
    """For bytes, or for the time at which the client wants to be called."""
    due = deadline(client)
    timeout = None if due == FOREVER else max(0, due - now().mono_ms) / 1000
    ready, _, _ = select.select(list(links.values()), [], [], timeout)
    for link in [n for n, s in links.items() if s in ready]:
        try:
            data = links[link].recv(65536)
        except OSError:
            data = b""
        if data:
            received(client, link, data, len(data), now())
        else:
            links.pop(link).close()
            closed(client, link, now())  # it opens another when it is time
    advance(client, now())


def main():
    card, text = (sys.stdin.readline().rstrip("\n").encode() for _ in range(2))
    check(new(ref(client), ref(Options(size=c.sizeof(Options))), now()))
    links = {}
    while look(card, text):
        do_io(links)
        wait(links)
    free(client)


main()
