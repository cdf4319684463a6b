// @ts-check
// One of the chat's servers: Express for the page, Socket.IO for the talk, ZeroMQ between the
// servers. Any number of these run side by side; none of them knows how many, or where.
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import express from 'express'
import { Server } from 'socket.io'
import { zmqAdapter } from 'socket.io-zeromq'
import { History } from './history.js'

const { HOST = '127.0.0.1', PORT = '3001', ZMQ_HOST = '127.0.0.1' } = process.env
const { ZMQ_PUB = '5555', ZMQ_SUB = '5556' } = process.env

const app = express()
app.use((_req, res, next) => {
  res.setHeader('Content-Security-Policy', "default-src 'self'; connect-src 'self' ws: wss:")
  next()
})
app.use(express.static(fileURLToPath(new URL('public', import.meta.url))))

const httpServer = createServer(app)
const zmq = zmqAdapter({ host: ZMQ_HOST, pubPort: Number(ZMQ_PUB), subPort: Number(ZMQ_SUB) })
const io = new Server(httpServer, { adapter: zmq })

/** What people call this server: the port in their address bar. */
const server = PORT
const history = new History(500)

// People --------------------------------------------------------------------------------------

io.use((socket, next) => {
  const { name, room } = socket.handshake.auth
  if (!isText(name, 24)) return next(new Error('a name has 1 to 24 characters'))
  if (!isText(room, 24)) return next(new Error('a room has 1 to 24 characters'))
  socket.data = { id: socket.id, name: name.trim(), room: room.trim(), server }
  next()
})

io.on('connection', async (socket) => {
  const { id, name, room } = socket.data
  // Every socket is alone in a room named by its id: the prefix keeps people out of those.
  const address = `room:${room}`

  socket.on('message', (message, done) => {
    if (typeof done !== 'function') return
    if (!isText(message?.id, 64)) return done({ error: 'a message needs an id' })
    if (!isText(message?.text, 2000)) return done({ error: 'a message has 1 to 2000 characters' })

    // A page that heard no answer sends its message again, under the same id.
    const known = history.get(message.id)
    if (known) return done({ at: known.at })

    const said = { id: message.id, text: message.text, at: Date.now(), name, room, server }
    history.add(said)
    socket.to(address).emit('message', said) // to the people on every server
    io.serverSideEmit('message', said) // to the other servers, for their history
    done({ at: said.at })
  })

  // Each page acknowledges the worker's time, and everyone in the room sees that it did.
  socket.on('time:seen', () => io.to(address).volatile.emit('time:seen', id))

  socket.on('disconnect', () => {
    console.log(`${name} left #${room}`)
    peopleChanged(room)
  })

  socket.emit('welcome', {
    server,
    others,
    history: history.of(room),
    link: zmq.stats().link,
  })
  await socket.join(address)
  if (!socket.connected) return
  console.log(`${name} joined #${room}`)
  peopleChanged(room)
})

/** @param {string} room */
function peopleChanged(room) {
  io.serverSideEmit('people:changed', room)
  showPeople(room)
}

io.on('people:changed', showPeople)

/** Rooms in which somebody came or went, and whose people do not know it yet. @type {Set<string>} */
const changedRooms = new Set()

/** @param {string} room */
function showPeople(room) {
  changedRooms.add(room)
  showChangedRooms()
}

const showChangedRooms = oneAtATime(async () => {
  const rooms = [...changedRooms]
  changedRooms.clear()
  await Promise.all(rooms.map(askAndShowPeople))
})

/**
 * Asks every server who is in the room, and tells the people on this one.
 * @param {string} room
 */
async function askAndShowPeople(room) {
  const address = `room:${room}`
  if (!io.of('/').adapter.rooms.has(address)) return
  // A server that hangs does not keep the people of this one from being shown.
  const sockets = await io
    .in(address)
    .fetchSockets()
    .catch(() => io.local.in(address).fetchSockets())
  const people = sockets.map(({ data: { id, name, server } }) => ({ id, name, server }))
  io.local.to(address).emit('people', people)
}

// Servers -------------------------------------------------------------------------------------

io.on('server:name', (answer) => answer(server))
io.on('history', (answer) => answer(history.all()))
io.on('message', (said) => history.add(said))

/** The names of the other servers. @type {string[]} */
let others = []

const lookAround = oneAtATime(async () => {
  const before = others
  others = await io.serverSideEmitWithAck('server:name').catch((err) => err.responses)
  for (const name of before.filter((name) => !others.includes(name))) {
    console.log(`server ${name} has left`)
    io.local.emit('server:left', name)
  }
  for (const name of others.filter((name) => !before.includes(name))) {
    console.log(`server ${name} is here`)
    io.local.emit('server:joined', name)
  }
  showEveryRoom()
})

function showEveryRoom() {
  for (const address of io.of('/').adapter.rooms.keys()) {
    if (address.startsWith('room:')) showPeople(address.slice('room:'.length))
  }
}

zmq.on('member:join', lookAround)
zmq.on('member:leave', lookAround)
zmq.on('link:down', () => {
  console.log('the broker is gone')
  io.local.emit('link', 'down')
})
zmq.on('link:up', () => {
  console.log('the broker is there')
  io.local.emit('link', 'up')
  showEveryRoom()
})
zmq.on('error', (err) => console.error(err.message))

// Start and stop ------------------------------------------------------------------------------

httpServer.on('error', (err) => {
  console.error(err.message)
  process.exit(1)
})

await zmq.ready()
await lookAround()
const histories = await io.serverSideEmitWithAck('history').catch(() => [])
for (const said of histories.flat()) history.add(said)

httpServer.listen(Number(PORT), HOST, () => {
  console.log(`listening on http://${HOST === '127.0.0.1' ? 'localhost' : HOST}:${PORT}`)
  process.send?.('listening')
})

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => io.close())

/**
 * A function that runs the task, and when it is called meanwhile, runs it once more after that: what
 * the last run saw is how things are.
 * @param {() => Promise<void>} task
 */
function oneAtATime(task) {
  let again = false
  /** @type {Promise<void> | undefined} */
  let running
  return () => {
    again = true
    running ??= (async () => {
      while (again) {
        again = false
        await task()
      }
      running = undefined
    })()
    return running
  }
}

/**
 * @param {unknown} value
 * @param {number} longest
 * @returns {value is string}
 */
function isText(value, longest) {
  return typeof value === 'string' && value.trim().length > 0 && value.length <= longest
}
