// @ts-check
// Runs no Socket.IO server and knows no socket, and yet everyone hears it.
import { Emitter } from 'socket.io-zeromq-emitter'

const { ZMQ_HOST = '127.0.0.1', ZMQ_PUB = '5555', ZMQ_SUB = '5556' } = process.env

const emitter = new Emitter({ host: ZMQ_HOST, pubPort: Number(ZMQ_PUB), subPort: Number(ZMQ_SUB) })

const timer = setInterval(() => emitter.emit('time', Date.now()), 2000)
console.log('says the time every two seconds')

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    clearInterval(timer)
    await emitter.close().catch((err) => console.error(err.message))
  })
}
