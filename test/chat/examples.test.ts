import { createServer, type Server } from 'node:net'
import { io, type Socket } from 'socket.io-client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Broker } from 'zmq-broker'
import { Program } from './program.js'

let broker: Broker
let env: NodeJS.ProcessEnv
let url: string
const programs: Program[] = []
const clients: Socket[] = []

beforeEach(async () => {
  broker = new Broker({ pub: 0, sub: 0 })
  await broker.start()
  const { pub, sub } = broker.endpoints
  const port = await freePort()
  env = { PORT: port, ZMQ_PUB: new URL(pub).port, ZMQ_SUB: new URL(sub).port }
  url = `http://127.0.0.1:${port}`
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect()
  await Promise.all(programs.splice(0).map((program) => program.stop()))
  await broker.stop()
})

test('the smallest worker says hello to a client of the smallest server', async () => {
  run('smallest-server.js')
  const client = connect()
  const hello = new Promise((resolve) => client.once('hello', resolve))
  await connected(client)

  // The server takes connections before it has found the broker: say it until it is heard.
  const heard = Promise.race([hello, workUntil(hello)])

  expect(await heard).toBe('from a worker')
})

test('the workers of node:cluster share one port, and a message reaches the clients of all', async () => {
  run('node-cluster.js')
  const here = connect({ transports: ['websocket'], forceNew: true })
  const myWorker = await workerOf(here)
  const there = await connectElsewhere(myWorker)

  const message = new Promise<string[]>((resolve) => {
    there.on('message', (...args: string[]) => resolve(args))
  })
  const saying = setInterval(() => here.emit('message', 'hello'), 100)
  expect(await message).toEqual(['hello', `heard by worker ${myWorker}`])
  clearInterval(saying)
})

test('the chat makes way for who listens already', async () => {
  const taken = createServer()
  const port = await listen(taken)
  const chat = run('chat/start.js', ['--port', port, '--port', port, '--pub', '0', '--sub', '0'])
  await chat.printed(/Ctrl-C stops everything/)
  const ports = [...chat.output.matchAll(/http:\/\/localhost:(\d+) +server/g)].map(([, own]) => own)
  expect(new Set([port, ...ports]).size).toBe(3)
  await close(taken)
})

test('the chat says what is wrong with its options', async () => {
  const chat = run('chat/start.js', ['--port', 'http'])
  expect(await chat.ended).toBe(1)
  expect(chat.output).toContain('--port must be a port, from 0 to 65535, not "http"')
})

function run(file: string, args: string[] = []): Program {
  const program = new Program(file, args, env)
  programs.push(program)
  return program
}

/** Runs the worker again and again. */
async function workUntil(heard: Promise<unknown>) {
  let isHeard = false
  heard.then(() => {
    isHeard = true
  })
  while (!isHeard) expect(await run('smallest-worker.js').ended).toBe(0)
  return heard
}

function connect(options = {}): Socket {
  const client = io(url, options)
  clients.push(client)
  return client
}

async function connected(client: Socket) {
  if (!client.connected) await new Promise<void>((resolve) => client.once('connect', resolve))
}

function workerOf(client: Socket): Promise<number> {
  return new Promise((resolve) => client.once('worker', resolve))
}

/** Node deals out connections in turn: one of the next is on another worker. */
async function connectElsewhere(worker: number): Promise<Socket> {
  for (;;) {
    const client = connect({ transports: ['websocket'], forceNew: true })
    if ((await workerOf(client)) !== worker) return client
  }
}

async function freePort(): Promise<string> {
  const probe = createServer()
  const port = await listen(probe)
  await close(probe)
  return port
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('listens on no port')
  return String(address.port)
}

function close(server: Server): Promise<unknown> {
  return new Promise((resolve) => server.close(resolve))
}
