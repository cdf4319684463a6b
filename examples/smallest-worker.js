// The smallest worker: says hello to the clients of every server, and ends.
import { Emitter } from 'socket.io-zeromq-emitter'

const { ZMQ_PUB = 5555, ZMQ_SUB = 5556 } = process.env
// at a broker with keys: the paths of key files, or the keys
const { ZMQ_SERVER_KEY: serverKey, ZMQ_SECRET_KEY: secretKey } = process.env

const emitter = new Emitter({
  pubPort: Number(ZMQ_PUB),
  subPort: Number(ZMQ_SUB), // with a key, the broker's --emitter-sub
  ...(serverKey && secretKey && { curve: { serverKey, secretKey } }),
})
emitter.emit('hello', 'from a worker')
await emitter.close()
