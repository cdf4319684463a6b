/**
 * zeromq.js alone, through its own proxy: a publisher, the proxy, or a subscriber.
 */
import {
  Proxy as NativeProxy,
  Publisher,
  type Socket,
  Subscriber,
  XPublisher,
  XSubscriber,
} from 'zeromq'
import { type Sample, sample, serve } from '../calls.js'
import { send } from './send.js'

export interface RawOptions {
  role: 'publisher' | 'proxy' | 'subscriber'
  /** Where the proxy is; it has none itself. */
  endpoint?: string
}

export interface RawSample extends Sample {
  frames: number
}

const TOPIC = 'topic'
const { role, endpoint = '' } = JSON.parse(process.argv[2] as string) as RawOptions
let frames = 0
let size = 0

async function startProxy(): Promise<{ pub: string; sub: string }> {
  const publishers = new XSubscriber({ linger: 0 })
  const subscribers = new XPublisher({ linger: 0, noDrop: true })
  const endpoints = { pub: await bind(publishers), sub: await bind(subscribers) }
  const proxy = new NativeProxy(publishers, subscribers)
  proxy.run().catch(() => process.exit(1))
  // a process that exits waits for the proxy's thread
  process.on('exit', () => proxy.terminate())
  return endpoints
}

async function bind(socket: Socket): Promise<string> {
  await socket.bind('tcp://127.0.0.1:*')
  return socket.lastEndpoint as string
}

async function publish(): Promise<void> {
  const socket = new Publisher({ linger: 0, noDrop: true })
  socket.connect(endpoint)
  while (size === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  let body = Buffer.alloc(size)
  for (;;) {
    if (body.length !== size) body = Buffer.alloc(size)
    await send(socket, [TOPIC, body])
    frames++
  }
}

async function subscribe(): Promise<void> {
  const socket = new Subscriber({ linger: 0 })
  socket.subscribe(TOPIC)
  socket.connect(endpoint)
  for (;;) {
    const [, body] = await socket.receive()
    if (body?.length === size) frames++
  }
}

const endpoints = role === 'proxy' ? await startProxy() : undefined
if (role === 'publisher') publish()
if (role === 'subscriber') subscribe()

const methods = {
  endpoints: () => endpoints as { pub: string; sub: string },
  /** Publishes, or counts, frames whose body is so many bytes. */
  begin(bytes: number) {
    size = bytes
    frames = 0
  },
  sample: (): RawSample => ({ ...sample(), frames }),
}

export type RawApi = typeof methods

serve(methods)
