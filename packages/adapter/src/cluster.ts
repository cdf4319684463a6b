import { EventEmitter } from 'node:events'
import createDebug from 'debug'
import type { Namespace } from 'socket.io'
import type { ClusterMessage, Room } from 'socket.io-adapter'
import {
  type Address,
  Broadcast,
  Bus,
  type BusEvents,
  type BusStats,
  bucketOf,
  bucketOfNamespace,
  bucketOfRoom,
  bucketsOfRooms,
  ClosedError,
  type EncodedPart,
  type Envelope,
  Envelopes,
  type IncomingMessage,
  MessageType,
  type MsgpackWriter,
  NO_STATS,
  OptionError,
  readClusterMessage,
  writeBroadcast,
  writeClusterMessage,
} from 'socket.io-zeromq-emitter/bus'
import { ZmqAdapter } from './adapter.js'
import { sayAnswer } from './answers.js'
import { answerForAbsentNamespace, readAnswer, readRequest, requestIdOf } from './messages.js'
import type { ResolvedOptions } from './options.js'
import { type AcknowledgementListener, Requests } from './requests.js'
import { Strangers } from './strangers.js'

const debug = createDebug('socket.io-zeromq:adapter')

/** The bus's counters, and those of the adapter. */
export interface ZmqAdapterStats extends BusStats {
  /** Requests to other servers that wait for answers. */
  requestsOpen: number
  /** Namespaces that this server has. */
  namespaces: number
}

const EVENTS: readonly Exclude<keyof BusEvents, 'error'>[] = [
  'link:up',
  'link:down',
  'member:join',
  'member:leave',
  'overflow',
  'gap',
]

/** Socket.IO makes this namespace first, and closes it only with its server. */
const MAIN_NAMESPACE = '/'

/**
 * One Socket.IO server's part in the cluster: the bus that all its namespaces share, who asks what of
 * whom, and which namespace a message is for. It opens the bus with the main namespace, or when
 * somebody waits for it, and closes it with that namespace.
 */
export class Cluster extends EventEmitter<BusEvents> {
  readonly #options: ResolvedOptions
  readonly #adapters = new Map<string, ZmqAdapter>()
  readonly #requests = new Requests()
  readonly #strangers = new Strangers()
  readonly #envelopes = new Envelopes()
  /** The envelope of what came last for nobody here, as long as no room has been added since. */
  #unmatched: Envelope | undefined
  /** Stays, when it is closed, until another is opened. */
  #bus: Bus | undefined
  #isClosing = false

  constructor(options: ResolvedOptions) {
    super()
    this.#options = options
  }

  /** The name of this server in the cluster. */
  get uid(): string {
    return (this.#bus ?? this.open()).uid
  }

  get memberCount(): number {
    return this.#bus?.memberCount ?? 0
  }

  /** The bus, which is opened here if it is not open, and nowhere else. */
  open(): Bus {
    if (this.#bus === undefined || this.#isClosing) {
      this.#bus = this.#openBus()
      this.#isClosing = false
    }
    return this.#bus
  }

  /**
   * Resolves when the way to a broker and back is open.
   * @throws ClosedError once the server is closed
   */
  async ready(): Promise<void> {
    if (this.#isClosing) {
      throw new ClosedError('the server has been closed: give the adapter to a new one')
    }
    const bus = this.open()
    await bus.ready()
    await bus.inForce(this.#options.requestTimeout)
  }

  /** Makes the adapter of a namespace. */
  add(nsp: Namespace): ZmqAdapter {
    for (const { nsp: other } of this.#adapters.values()) {
      if (other.server === nsp.server) break
      throw new OptionError(
        'this adapter serves another Socket.IO server: call zmqAdapter() once for each server',
      )
    }
    if (nsp.name === MAIN_NAMESPACE) this.open()
    const adapter = new ZmqAdapter(nsp, this)
    this.#unmatched = undefined
    // one that a listener makes while the server closes is closed by nobody, and hears nothing
    if (this.#isClosing) return adapter
    if (this.#bus !== undefined && !this.#adapters.has(nsp.name)) this.#enter(this.#bus, nsp.name)
    this.#adapters.set(nsp.name, adapter)
    return adapter
  }

  /** Somebody here has joined rooms. */
  roomsAdded(): void {
    this.#unmatched = undefined
  }

  /** Whether this server gets only what is said to its own rooms and namespaces. */
  get isDynamic(): boolean {
    return this.#options.subscriptionMode === 'dynamic'
  }

  /** There is a room on this server that was not there before. */
  roomCreated(nsp: string, room: Room): void {
    const bucket = bucketOfRoom(nsp, room)
    if (bucket !== undefined) this.#bus?.enterBucket(bucket)
  }

  /** The last client has left a room of this server. */
  roomDeleted(nsp: string, room: Room): void {
    const bucket = bucketOfRoom(nsp, room)
    if (bucket !== undefined) this.#bus?.leaveBucket(bucket)
  }

  /**
   * Resolves when everything comes here that is said to rooms of this server.
   * @returns `undefined` if that is so already
   */
  inForce(nsp: string, rooms: Iterable<Room>): Promise<void> | undefined {
    return this.#bus?.inForce(this.#options.requestTimeout, bucketsOfRooms(nsp, rooms))
  }

  /** Forgets the adapter of a namespace that is closed, and leaves the cluster with the main one. */
  async remove(adapter: ZmqAdapter): Promise<void> {
    const name: string = adapter.nsp.name
    if (this.#adapters.get(name) !== adapter) return
    this.#adapters.delete(name)
    const bucket = bucketOfNamespace(name)
    if (bucket !== undefined) this.#bus?.leaveBucket(bucket)
    if (name !== MAIN_NAMESPACE) return
    // in this same turn the sockets of the other namespaces disconnect, and their listeners emit
    await Promise.resolve()
    if (this.#adapters.has(MAIN_NAMESPACE)) return // of a new server that took the bus over
    this.#adapters.clear()
    await this.close().catch((error) => this.#report(error))
  }

  /**
   * Sends what was said and leaves the cluster.
   * @throws FlushTimeoutError
   */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#requests.failAll(new ClosedError('the server was closed before all answers had come'))
    await this.#bus?.close()
  }

  /**
   * Says a broadcast to all servers, or to those that may have clients for it. Returns whether it could
   * be said.
   */
  broadcast(to: Address, parts: readonly EncodedPart[], requestId?: string): boolean {
    return this.#try((bus) => {
      const write = (writer: MsgpackWriter) => writeBroadcast(writer, to, parts, requestId)
      // to a request everyone has to answer
      const mayDirect = bus.mayDirect && requestId === undefined
      bus.say(bus.topics.everyone, write, mayDirect ? bucketOf(to.nsp, to.rooms) : undefined)
    })
  }

  /** Says a broadcast to all servers and listens to their clients' acknowledgements. */
  broadcastWithAck(
    to: Address,
    parts: readonly EncodedPart[],
    timeoutMs: number | undefined,
    listener: AcknowledgementListener,
  ): void {
    const members = this.#askable()
    if (members.length === 0) return void this.broadcast(to, parts)
    const timeout = timeoutMs ?? this.#options.requestTimeout
    const requestId = this.#requests.acknowledge(members, timeout, {
      ...listener,
      onFailure: (error) => this.#report(error),
    })
    if (!this.broadcast(to, parts, requestId)) this.#requests.unsaid(requestId)
  }

  /** Makes clients of all servers join rooms. */
  join(nsp: string, rooms: readonly Room[], data: object): void {
    this.#bus?.holdBuckets(() => bucketsOfRooms(nsp, rooms))
    this.say(MessageType.SOCKETS_JOIN, nsp, { ...data, rooms })
  }

  /** Says a message to all servers. */
  say(type: number, nsp: string, data: unknown): void {
    this.#try((bus) => this.#say(bus, type, nsp, data))
  }

  #say(bus: Bus, type: number, nsp: string, data: unknown): void {
    bus.say(bus.topics.everyone, (writer) => writeClusterMessage(writer, type, nsp, data))
  }

  /**
   * Asks all servers.
   * @param values - what this server has to say itself, to which their answers are added
   * @throws Error with the answers that have come as `responses`, if a server does not answer in time;
   *   AnswerError, with them too, if a server cannot send its answer; whatever the data trips over
   */
  request(
    type: number,
    nsp: string,
    data: object,
    values: unknown[],
    timeoutMs = this.#options.requestTimeout,
  ): Promise<unknown[]> {
    return new Promise((resolve, reject) => {
      const members = this.#askable()
      if (members.length === 0) return resolve(values)
      const requestId = this.#requests.collect(members, timeoutMs, values, (error, responses) => {
        if (error === null) resolve(responses)
        else reject(Object.assign(error, { responses }))
      })
      try {
        this.#say(this.open(), type, nsp, { ...data, requestId })
      } catch (error) {
        this.#requests.unsaid(requestId, error as Error)
      }
    })
  }

  /** Answers a request of another server. */
  answer(uid: string, type: number, nsp: string, data: Record<string, unknown>): void {
    this.#try((bus) => {
      if (!bus.hasMember(uid) && !this.#strangers.mayBeAnswered(performance.now())) {
        return bus.refuse('stranger')
      }
      const topic = bus.topics.node(uid)
      const say = (data: unknown) =>
        bus.say(topic, (writer) => writeClusterMessage(writer, type, nsp, data))
      sayAnswer(type, data, say, (error) => this.#report(error))
    })
  }

  stats(): ZmqAdapterStats {
    return {
      ...(this.#bus?.stats() ?? NO_STATS),
      requestsOpen: this.#requests.size,
      namespaces: this.#adapters.size,
    }
  }

  /** The servers that will answer a request: none once this one is closing. */
  #askable(): string[] {
    return this.#isClosing ? [] : (this.#bus?.members() ?? [])
  }

  #openBus(): Bus {
    const { bus: options, subscriptionMode } = this.#options
    const onMessage = (message: IncomingMessage) => this.#onMessage(message)
    const bus = new Bus('node', options, onMessage, subscriptionMode)
    for (const event of EVENTS) bus.on(event, (...args: unknown[]) => this.#forward(event, args))
    bus.on('member:leave', (uid) => this.#requests.memberLeft(uid))
    bus.on('error', (error) => this.#report(error))
    for (const [name, { rooms }] of this.#adapters) this.#enter(bus, name, rooms.keys())
    return bus
  }

  /** Lets a bus hear what is said to a namespace, and to rooms in it. */
  #enter(bus: Bus, nsp: string, rooms: Iterable<Room> = []): void {
    const bucket = bucketOfNamespace(nsp)
    if (bucket !== undefined) bus.enterBucket(bucket)
    for (const bucket of bucketsOfRooms(nsp, rooms)) bus.enterBucket(bucket)
  }

  #forward(event: keyof BusEvents, args: unknown[]): void {
    ;(this.emit as (event: string, ...args: unknown[]) => boolean).call(this, event, ...args)
  }

  #report(error: Error): void {
    if (this.listenerCount('error') > 0) this.emit('error', error)
    else process.emitWarning(error)
  }

  /**
   * What cannot be sent to others must not keep it from one's own clients. After the end there are no
   * others. Returns whether it was sent.
   */
  #try(say: (bus: Bus) => void): boolean {
    if (this.#bus === undefined) return false
    try {
      say(this.#bus)
      return true
    } catch (error) {
      if (error instanceof ClosedError) debug('the server is closed: %s', error.message)
      else this.#report(error as Error)
      return false
    }
  }

  #onMessage(message: IncomingMessage): void {
    if (message.type === MessageType.BROADCAST) return this.#onBroadcast(message)
    const { sender, type, nsp, data } = readClusterMessage(message)
    const answered = readAnswer(type, data)
    if (answered !== undefined) {
      return this.#requests.answer(answered.requestId, sender, answered.answer)
    }
    const request = readRequest(type, data)
    if (request === undefined) return debug('ignores a message of type %d from %s', type, sender)
    const adapter = this.#adapters.get(nsp)
    if (adapter === undefined) return this.#answerAbsence(sender, type, nsp, request)
    adapter.onRequest({ uid: sender, type, nsp, data: request } as unknown as ClusterMessage)
  }

  #onBroadcast(message: IncomingMessage): void {
    const envelope = this.#envelopes.read(message)
    // what is for nobody here is often followed by more of it: then not even rooms are looked up
    if (envelope !== this.#unmatched) {
      const adapter = this.#adapters.get(envelope.nsp)
      if (adapter?.hasMatch(envelope.rooms)) {
        return adapter.onBroadcast(message.sender, new Broadcast(message, envelope))
      }
      this.#unmatched = envelope
    }
    if (message.fields === 6) return // nobody waits for an answer
    const requestId = requestIdOf(new Broadcast(message, envelope).requestId)
    this.#answerAbsence(message.sender, MessageType.BROADCAST, envelope.nsp, { requestId })
  }

  #answerAbsence(uid: string, type: number, nsp: string, request: Record<string, unknown>): void {
    const answer = answerForAbsentNamespace(type, request)
    if (answer !== undefined) this.answer(uid, answer.type, nsp, answer.data)
  }
}
