import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { onTestFinished, vi } from 'vitest'
import { Subscriber, XPublisher } from 'zeromq'
import { Broker, type BrokerEndpoints, type BrokerOptions } from 'zmq-broker'

const bin = fileURLToPath(new URL('../bin/zmq-broker.js', import.meta.url))
const conditionTimeoutMs = 15_000

/** Waits until the condition holds; what it throws in the end says what was missing. */
export function until(condition: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(condition, { timeout: conditionTimeoutMs, interval: 10 })
}

/** A broker on free ports that is stopped when the test is over. */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const broker = new Broker({ pub: 0, sub: 0, settleTime: 0, ...options })
  onTestFinished(() => broker.stop())
  await broker.start()
  return broker
}

/** A publisher that knows what is subscribed to, as those of the cluster do. */
export function connectPublisher({ pub }: BrokerEndpoints): XPublisher {
  const publisher = new XPublisher({
    linger: 0,
    immediate: true,
    ipv6: true,
    reconnectInterval: 20,
    receiveHighWaterMark: 0,
    receiveTimeout: conditionTimeoutMs,
  })
  onTestFinished(() => publisher.close())
  publisher.connect(pub)
  return publisher
}

export function connectSubscriber(
  { sub }: BrokerEndpoints,
  topics: readonly string[],
  receiveHighWaterMark = 1000,
): Subscriber {
  const subscriber = new Subscriber({
    linger: 0,
    ipv6: true,
    reconnectInterval: 20,
    receiveHighWaterMark,
    receiveTimeout: conditionTimeoutMs,
  })
  onTestFinished(() => subscriber.close())
  subscriber.connect(sub)
  subscriber.subscribe(...topics)
  return subscriber
}

/** Waits until the publisher hears that someone subscribes to the topic; forgets what it hears before. */
export async function heardSubscription(publisher: XPublisher, topic: string): Promise<void> {
  await heard(publisher, `\x01${topic}`)
}

/** Waits until it hears that nobody subscribes to the topic any more; forgets what it hears before. */
export async function heardUnsubscription(publisher: XPublisher, topic: string): Promise<void> {
  await heard(publisher, `\x00${topic}`)
}

async function heard(publisher: XPublisher, expected: string): Promise<void> {
  for (;;) {
    const [message] = await publisher.receive()
    if (String(message) === expected) return
  }
}

/** Sends one frame through the broker and waits for it at the other side. */
export async function passOneFrame(endpoints: BrokerEndpoints): Promise<string[]> {
  const publisher = connectPublisher(endpoints)
  const subscriber = connectSubscriber(endpoints, ['topic'])
  await heardSubscription(publisher, 'topic')
  await publisher.send(['topic', 'body'])
  return (await subscriber.receive()).map(String)
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'zmq-broker-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Something that listens on a TCP port or a path and is no broker. */
export async function occupy(where: { port: number } | { path: string }): Promise<Server> {
  const server = createServer()
  onTestFinished(() => void server.close())
  server.listen({ host: '127.0.0.1', ...where })
  await once(server, 'listening')
  return server
}

export function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('not a TCP server')
  return address.port
}

export interface RunningProcess {
  readonly child: ChildProcessByStdio<null, Readable, Readable>
  readonly stdout: () => string
  readonly stderr: () => string
  /** Resolves to the exit code, or to the name of the signal that ended the process. */
  readonly exit: Promise<number | NodeJS.Signals | null>
}

/** Runs Node with these arguments; the process is gone when the test is over. */
export function runNode(args: readonly string[], env: NodeJS.ProcessEnv = {}): RunningProcess {
  const child = spawn(process.execPath, args, {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const exit = once(child, 'close').then(([code, signal]) => code ?? signal)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exit
  })
  return { child, stdout: () => stdout, stderr: () => stderr, exit }
}

/** Runs the `zmq-broker` command. */
export function runCommand(args: readonly string[], env: NodeJS.ProcessEnv = {}): RunningProcess {
  return runNode([bin, ...args], env)
}

/** Runs the `zmq-broker` command on free ports and waits until it listens. */
export async function serve(
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<RunningProcess & { endpoints: BrokerEndpoints }> {
  const running = runCommand(args, { ZMQ_BROKER_PUB: '0', ZMQ_BROKER_SUB: '0', ...env })
  let endpoints: BrokerEndpoints | undefined
  await until(() => {
    const [, pub] = /publishers connect to +(\S+)\n/.exec(running.stdout()) ?? []
    const [, sub] = /subscribers connect to +(\S+)\n/.exec(running.stdout()) ?? []
    if (pub === undefined || sub === undefined || !running.stdout().includes('zmqAdapter')) {
      throw new Error(`the broker does not listen yet; it said: ${running.stderr()}`)
    }
    endpoints = { pub, sub }
  })
  return { ...running, endpoints: endpoints as BrokerEndpoints }
}
