// The smallest worker: says hello to the clients of every server, and ends.
import { Emitter } from 'socket.io-zeromq-emitter'

const { ZMQ_PUB = 5555, ZMQ_SUB = 5556 } = process.env

const emitter = new Emitter({ pubPort: Number(ZMQ_PUB), subPort: Number(ZMQ_SUB) })
emitter.emit('hello', 'from a worker')
await emitter.close()
