// One port, as many Socket.IO servers as there are processors. Start a broker first: npx zmq-broker
//
// Node deals out connections to its workers in turn. Socket.IO's long polling is many requests that
// must all reach the same worker, which takes sticky sessions (@socket.io/sticky). A WebSocket is one
// connection and stays where it is, so this example allows nothing else, on the clients as well:
//
//   io('http://localhost:3000', { transports: ['websocket'] })
import cluster from 'node:cluster'
import { availableParallelism } from 'node:os'
import { Server } from 'socket.io'
import { zmqAdapter } from 'socket.io-zeromq'

const { PORT = 3000, ZMQ_PUB = 5555, ZMQ_SUB = 5556 } = process.env

if (cluster.isPrimary) {
  // Two at least: one server has nobody to talk to.
  for (let i = 0; i < Math.max(2, availableParallelism()); i++) cluster.fork()
} else {
  const io = new Server(Number(PORT), {
    transports: ['websocket'],
    adapter: zmqAdapter({ pubPort: Number(ZMQ_PUB), subPort: Number(ZMQ_SUB) }),
  })

  io.on('connection', (socket) => {
    socket.emit('worker', process.pid)
    socket.on('message', (text) => io.emit('message', text, `heard by worker ${process.pid}`))
  })
}
