/**
 * How much one message may hold; see docs/protocol.md. What comes from the network is bounded in bytes
 * by ZeroMQ, but a byte of it can become a hundred in memory.
 */

/** Names in `rooms`, and in `except`. */
export const MAX_ROOMS = 262_144
/** Parts of a packet: its text, and its attachments. */
export const MAX_PARTS = 65_536
/** Maps, arrays, binaries and the like in the data of a message: about 100 bytes of memory each. */
export const MAX_OBJECTS = 1_048_576
