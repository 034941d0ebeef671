"""Counts the lines of each connection with Python's asynchat, which Python has up to 3.11."""
import asyncore
import asynchat

served = 0


class Lines(asynchat.async_chat):
    def __init__(self, sock):
        super().__init__(sock)
        self.set_terminator(b"\n")
        self.parts = []
        self.frames = self.length = 0

    def collect_incoming_data(self, data):
        self.parts.append(data)

    def found_terminator(self):
        line = b"".join(self.parts)
        self.parts = []
        self.frames += 1
        self.length += len(line)

    def handle_close(self):
        global served
        served += 1
        print(f"{served}: {self.frames} {self.length}", flush=True)
        self.close()


class Server(asyncore.dispatcher):
    def __init__(self):
        super().__init__()
        self.create_socket()
        self.bind(("127.0.0.1", 0))
        self.listen(5)
        print(f"listening on 127.0.0.1:{self.socket.getsockname()[1]}", flush=True)

    def handle_accepted(self, sock, address):
        Lines(sock)


server = Server()
asyncore.loop()
