// The smallest server. Start a broker first: npx zmq-broker
import { Server } from 'socket.io'
import { zmqAdapter } from 'socket.io-zeromq'

const { PORT = 3000, ZMQ_PUB = 5555, ZMQ_SUB = 5556 } = process.env
// at a broker with keys: the paths of key files, or the keys
const { ZMQ_SERVER_KEY: serverKey, ZMQ_SECRET_KEY: secretKey } = process.env

new Server(Number(PORT), {
  adapter: zmqAdapter({
    pubPort: Number(ZMQ_PUB),
    subPort: Number(ZMQ_SUB),
    ...(serverKey && secretKey && { curve: { serverKey, secretKey } }),
  }),
})
