# The smallest worker in Python: says hello to the clients of every server, and ends.
# It wants pyzmq and msgpack (Debian: python3-zmq python3-msgpack), and a broker: npx zmq-broker
# Its bytes are explained in docs/protocol.md.
import os, secrets
import msgpack, zmq

context = zmq.Context()
socket = context.socket(zmq.XPUB)  # a publisher that is told who subscribes
socket.setsockopt(zmq.IMMEDIATE, 1)  # queue nothing for a broker that is not there
socket.connect("tcp://127.0.0.1:" + os.environ.get("ZMQ_PUB", "5555"))
while socket.recv() != b"\x01socket.io/*":  # until the servers can hear us
    pass

header = [1, secrets.token_hex(8), 0]  # version, our name in 16 characters, no frame numbers
broadcast = [3, "/", [], [], {}, 0, ["hello", "from Python"]]
# a broadcast to a namespace, its rooms, except some, with flags, in plain data: the event
socket.send_multipart([b"socket.io/*", msgpack.packb(header) + msgpack.packb(broadcast)])
context.destroy(linger=5000)  # milliseconds for the frame to leave
