import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { eventsOf } from 'socket.io-zeromq-emitter/bus'
import { type Key, type Role, readKeyFile } from 'socket.io-zeromq-emitter/keys'
import { onTestFinished, vi } from 'vitest'
import { type Socket, Subscriber, XPublisher } from 'zeromq'
import { Broker, type BrokerEndpoints, type BrokerOptions } from 'zmq-broker'
import { makeKey } from '../src/keygen.js'

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
export function connectPublisher(
  { pub }: BrokerEndpoints,
  curve: Partial<CurveSocketOptions> = {},
): XPublisher {
  const publisher = new XPublisher({
    ...curve,
    linger: 0,
    immediate: true,
    ipv6: true,
    reconnectInterval: 20,
    receiveHighWaterMark: 0,
    receiveTimeout: conditionTimeoutMs,
  })
  onTestFinished(() => publisher.close())
  watch(publisher)
  publisher.connect(pub)
  return publisher
}

export function connectSubscriber(
  { sub }: Pick<BrokerEndpoints, 'sub'>,
  topics: readonly string[],
  receiveHighWaterMark = 1000,
  curve: Partial<CurveSocketOptions> = {},
): Subscriber {
  const subscriber = new Subscriber({
    ...curve,
    linger: 0,
    ipv6: true,
    reconnectInterval: 20,
    receiveHighWaterMark,
    receiveTimeout: conditionTimeoutMs,
  })
  onTestFinished(() => subscriber.close())
  watch(subscriber)
  subscriber.connect(sub)
  subscriber.subscribe(...topics)
  return subscriber
}

/**
 * Receives whatever comes. A subscriber that nobody reads does not tell a broker that has come back
 * what it subscribes to.
 */
export async function drain(subscriber: Subscriber): Promise<void> {
  subscriber.receiveTimeout = -1
  for await (const _ of subscriber);
}

/** Begins to collect the socket's events, so that none is missed however late they are read. */
function watch(socket: Socket): void {
  eventsOf(socket)
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

/** What a promise is rejected with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
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

/** The key files of a broker and its clients. */
export interface TestKeys {
  /** Where all of them are. */
  readonly folder: string
  readonly brokerOptions: { emitterSub: number; curveKey: string; authorizedKeys: string }
  /** Makes a key that is not authorised. */
  make(role: Role, name?: string): Key
  /** Makes a key that is. */
  authorized(role: Role, name?: string): Key
  authorize(name: string): void
  revoke(name: string): void
  /** What a ZeroMQ socket needs to connect with a key. */
  curve(key: Key): CurveSocketOptions
}

export interface CurveSocketOptions {
  curveServerKey: string
  curvePublicKey: string
  curveSecretKey: string | null
}

/** Makes the key of a broker, and an empty folder of authorised keys. */
export async function makeKeys(): Promise<TestKeys> {
  const folder = await temporaryFolder()
  const clients = join(folder, 'clients')
  mkdirSync(clients)
  const make = (role: Role, name: string = role) =>
    readKeyFile(makeKey({ role, name, out: folder }).privateFile)
  const { publicKey } = make('broker')
  const authorize = (name: string) =>
    copyFileSync(join(folder, `${name}.pub`), join(clients, `${name}.pub`))
  return {
    folder,
    brokerOptions: {
      emitterSub: 0,
      curveKey: join(folder, 'broker.key'),
      authorizedKeys: clients,
    },
    make,
    authorize,
    authorized(role, name = role) {
      const key = make(role, name)
      authorize(name)
      return key
    },
    revoke: (name) => rmSync(join(clients, `${name}.pub`)),
    curve: (key) => ({
      curveServerKey: publicKey,
      curvePublicKey: key.publicKey,
      curveSecretKey: key.secretKey ?? null,
    }),
  }
}
