export interface InboxOptions {
  /** Milliseconds before a repair is asked for: none with one broker, as another may be slower. */
  nakDelayMs: number
  /** Milliseconds before it is asked for again; doubles with each time. */
  nakIntervalMs: number
  /** Milliseconds without progress after which what is missing is given up. */
  repairTimeoutMs: number
  /** The same while the sender cannot be reached. */
  unreachableTimeoutMs: number
  /** Milliseconds that the first frame of an unknown sender waits to hear where it starts. */
  startTimeoutMs: number
  /** Milliseconds after which a sender that has left is forgotten. */
  forgetMs: number
  /** Bytes of frames of one sender that are held back behind a hole. */
  maxHeldBytes: number
  /** Bytes of frames of all senders that are held back. */
  maxHeldBytesOfAll: number
  /** How many frames are held back, as each takes memory beside its bytes. */
  maxHeldFrames: number
  /** How many senders are remembered; beyond it the one heard longest ago is forgotten. */
  maxSenders: number
}

/** What an inbox tells and asks for. */
export interface InboxActions<Frame> {
  deliver(sender: string, topic: string, frame: Frame): void
  /** Asks the sender for frames again. */
  nak(sender: string, topic: string, from: number, to: number): void
  /** Asks the sender for a frame that it may never have sent. */
  doubt(sender: string, topic: string, seq: number): void
  /** Asks the sender where its sequence stands. */
  ask(sender: string): void
  /** Whether the sender can be asked anything just now. */
  isReachable(sender: string): boolean
  /** So many frames of the sender are lost for good. */
  gap(sender: string, topic: string, frames: number): void
}

/** What became of a frame. */
export type Verdict = 'delivered' | 'held' | 'duplicate' | 'dropped' | 'refused'

/** Where a stream starts for a receiver that has not heard it from the beginning. */
const UNKNOWN = 0
/**
 * What is told of frames further ahead than this is not believed: a sender that says 100,000 frames a
 * second takes half a day for it, without a word that is heard here.
 */
const MAX_AHEAD = 2 ** 32
/** No sender comes so far: a million frames a second take nine years for it. */
const MAX_SEQ = 2 ** 48
/** How many holes are asked for at once. */
const MAX_HOLES = 64
const MAX_NAK_INTERVAL_MS = 2_000
/** For each sender that is remembered, of how many forgotten ones it is known where they stood. */
const POSITIONS_PER_SENDER = 4
const NEVER = Number.POSITIVE_INFINITY

/** One sender's sequence on one topic. */
interface Stream<Frame> {
  readonly sender: Sender<Frame>
  readonly topic: string
  /** The seq that is delivered next, or UNKNOWN. */
  next: number
  /** The lowest seq that has come before it was known where the sequence starts, or in spite of it. */
  first: number
  /** The highest seq that is known to have been sent. */
  last: number
  /** The highest seq of those that have come: delivered, or given up before. */
  heard: number
  readonly held: Map<number, { frame: Frame; bytes: number }>
  heldBytes: number
  /** The highest seq that has been asked for. */
  askedTo: number
  /** The highest seq that has ever been asked for. */
  everAskedTo: number
  /** Until when it is not asked again whether the sequence has come as far as was told. */
  certainUntil: number
  /** When a repair is asked for next; NEVER if nothing is missing. */
  nakAt: number
  nakIntervalMs: number
  /** When what is missing is given up. */
  giveUpAt: number
}

/** Where a stream stood; see Stream. */
type Position = Pick<Stream<unknown>, 'next' | 'heard'>

interface Sender<Frame> {
  readonly uid: string
  readonly streams: Map<string, Stream<Frame>>
  isReachable: boolean
  forgetAt: number
}

/**
 * Delivers each sender's frames on a topic in order and once. A hole holds back what follows, and is
 * asked for until it is filled, or declared lost. A plain state machine: frames, words of the senders
 * and a clock in, actions out.
 */
export class Inbox<Frame> {
  readonly #options: InboxOptions
  readonly #actions: InboxActions<Frame>
  readonly #senders = new Map<string, Sender<Frame>>()
  /** The streams that wait for something. */
  readonly #waiting = new Set<Stream<Frame>>()
  /** Senders that have left, in the order in which they are to be forgotten. */
  readonly #leaving = new Set<Sender<Frame>>()
  /** Where those stood that were forgotten, by topic, since they may come back. */
  readonly #positions = new Map<string, ReadonlyMap<string, Position>>()
  #isPaused = false
  #heldFrames = 0
  #heldBytes = 0
  #lost = 0

  constructor(options: InboxOptions, actions: InboxActions<Frame>) {
    this.#options = options
    this.#actions = actions
  }

  /** Frames that wait behind a hole. */
  get heldFrames(): number {
    return this.#heldFrames
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Frames that were given up. */
  get lost(): number {
    return this.#lost
  }

  /** Whether anything is missing. */
  get isWaiting(): boolean {
    return this.#waiting.size > 0
  }

  get senders(): number {
    return this.#senders.size
  }

  /** Whether a frame has come before, so that nothing of it need be read. */
  has(uid: string, topic: string, seq: number): boolean {
    const stream = this.#senders.get(uid)?.streams.get(topic)
    return stream !== undefined && (seq < stream.next || stream.held.has(seq))
  }

  /** A frame has come, for the first time or again. */
  receive(
    uid: string,
    topic: string,
    seq: number,
    frame: Frame,
    bytes: number,
    now: number,
    startsAtOne = false,
  ): Verdict {
    if (seq > MAX_SEQ) return 'refused'
    const stream = this.#stream(uid, topic, startsAtOne, now)
    if (isTooFarAhead(stream, seq)) return 'refused'
    if (stream.next === UNKNOWN && seq === 1) this.#startAt(stream, 1, now)
    if (seq === stream.next) {
      stream.next++
      stream.heard = seq
      this.#actions.deliver(uid, topic, frame)
      if (this.#waiting.has(stream)) this.#advance(stream, now)
      return 'delivered'
    }
    if (stream.next !== UNKNOWN && seq < stream.next) return 'duplicate'
    if (stream.held.has(seq)) return 'duplicate'
    if (seq < stream.first) stream.first = seq
    if (seq > stream.last) stream.last = seq
    const { maxHeldBytes, maxHeldBytesOfAll, maxHeldFrames } = this.#options
    const isHeld =
      stream.heldBytes + bytes <= maxHeldBytes &&
      this.#heldBytes + bytes <= maxHeldBytesOfAll &&
      this.#heldFrames < maxHeldFrames
    if (isHeld) {
      stream.held.set(seq, { frame, bytes })
      stream.heldBytes += bytes
      this.#heldFrames++
      this.#heldBytes += bytes
    }
    this.#expectRepair(stream, now)
    return isHeld ? 'held' : 'dropped'
  }

  /**
   * A sender tells where its sequence stands.
   * @param last - the seq of the last frame that it has sent on the topic
   * @param isOlder - whether the sender was there before us
   * @returns whether it can be so
   */
  digest(
    uid: string,
    topic: string,
    last: number,
    isOlder: boolean,
    now: number,
    startsAtOne = false,
  ): boolean {
    if (last > MAX_SEQ) return false
    const stream = this.#stream(uid, topic, startsAtOne, now)
    if (isTooFarAhead(stream, last)) return false
    if (stream.next === UNKNOWN) {
      this.#startAt(stream, isOlder ? Math.min(last + 1, stream.first) : 1, now)
    }
    if (last > stream.last) stream.last = last
    if (stream.last >= stream.next) this.#expectRepair(stream, now)
    return true
  }

  /**
   * A frame has come that was taken for a duplicate. If nothing behind it has come either, what was told
   * of the sequence may have been wrong, and the sender is asked.
   */
  repeated(uid: string, topic: string, seq: number, now: number): void {
    const stream = this.#senders.get(uid)?.streams.get(topic)
    if (stream === undefined || seq <= stream.heard || stream.held.has(seq)) return
    if (seq === stream.next - 1) {
      stream.heard = seq // the sequence has come as far as was told
      return
    }
    if (seq < stream.first) stream.first = seq
    if (now < stream.certainUntil || !stream.sender.isReachable) return
    stream.certainUntil = now + this.#options.nakIntervalMs
    const last = stream.next - 1
    stream.everAskedTo = Math.max(stream.everAskedTo, last)
    this.#actions.doubt(uid, topic, last)
  }

  /**
   * The sender does not have these frames any more.
   * @returns whether it was asked for them
   */
  gone(uid: string, topic: string, from: number, to: number, now: number): boolean {
    const stream = this.#senders.get(uid)?.streams.get(topic)
    if (stream === undefined || to > stream.everAskedTo) return false
    if (stream.next === UNKNOWN || stream.last < stream.next) return true
    if (from > stream.next || to < stream.next) return true
    this.#skipTo(stream, Math.min(to, stream.last) + 1, now)
    // the answers to what has been asked for are on their way
    if (this.#waiting.has(stream) && stream.next > stream.askedTo) this.#askFor(stream, now)
    return true
  }

  /**
   * The sender was asked for frames that it has not sent: what told of them was not from the sender.
   * @param last - the seq of the last frame that it has sent
   * @returns whether it was asked for such frames
   */
  unsent(uid: string, topic: string, last: number, now: number): boolean {
    const stream = this.#senders.get(uid)?.streams.get(topic)
    if (stream === undefined || last >= stream.everAskedTo) return false
    stream.last = Math.max(last, stream.heard)
    stream.next = Math.max(stream.heard + 1, Math.min(stream.next, stream.last + 1, stream.first))
    stream.askedTo = Math.min(stream.askedTo, stream.last)
    stream.everAskedTo = stream.last
    for (const [seq, { bytes }] of stream.held) {
      if (seq > stream.last) this.#unhold(stream, seq, bytes)
    }
    if (this.#waiting.has(stream)) this.#advance(stream, now)
    else if (stream.last >= stream.next) this.#expectRepair(stream, now)
    return true
  }

  /** A sender can be asked for repairs from now on, or cannot be. */
  reachable(uid: string, isReachable: boolean, now: number): void {
    const sender = this.#senders.get(uid)
    if (sender === undefined || sender.isReachable === isReachable) return
    sender.isReachable = isReachable
    if (isReachable) {
      sender.forgetAt = NEVER
      this.#leaving.delete(sender)
    } else {
      this.#forgetLater(sender, now)
    }
    for (const stream of sender.streams.values()) {
      if (this.#waiting.has(stream)) this.#restartClock(stream, now)
    }
  }

  /** Nobody can be reached: what is missing is waited for until {@link resume}. */
  pause(): void {
    this.#isPaused = true
  }

  resume(now: number): void {
    this.#isPaused = false
    for (const stream of this.#waiting) this.#restartClock(stream, now)
    // who was there before may be back in a moment
    for (const sender of this.#leaving) sender.forgetAt = now + this.#options.forgetMs
  }

  /** Does what is due. */
  tick(now: number): void {
    if (this.#isPaused) return
    // while this process was stopped, what it waits for may have come and not been read yet
    const lateMs = now - this.#nextWaiting()
    if (lateMs > 0) for (const stream of this.#waiting) stream.giveUpAt += lateMs
    for (const stream of [...this.#waiting]) {
      if (stream.giveUpAt <= now) this.#giveUp(stream, now)
      else if (stream.nakAt <= now) this.#askFor(stream, now)
    }
    for (const sender of this.#leaving) {
      if (sender.forgetAt > now) break
      if (this.#isMissing(sender)) this.#forgetLater(sender, now)
      else this.#forget(sender, now)
    }
  }

  /** When {@link tick} has something to do next, or `undefined`. */
  nextTick(): number | undefined {
    if (this.#isPaused) return undefined
    let next = this.#nextWaiting()
    const [stalest] = this.#leaving
    if (stalest !== undefined && stalest.forgetAt < next) next = stalest.forgetAt
    return next === NEVER ? undefined : next
  }

  /** When something is due for what is missing, or NEVER. */
  #nextWaiting(): number {
    let next = NEVER
    for (const { nakAt, giveUpAt, sender } of this.#waiting) {
      if (sender.isReachable && nakAt < next) next = nakAt
      if (giveUpAt < next) next = giveUpAt
    }
    return next
  }

  /** What follows the next one may have been held back. */
  #advance(stream: Stream<Frame>, now: number): void {
    for (;;) {
      const held = stream.held.get(stream.next)
      if (held === undefined) break
      this.#unhold(stream, stream.next, held.bytes)
      stream.heard = stream.next++
      this.#actions.deliver(stream.sender.uid, stream.topic, held.frame)
    }
    if (stream.last < stream.next) {
      this.#waiting.delete(stream)
      stream.nakAt = NEVER
      stream.giveUpAt = NEVER
    } else {
      // progress: the next hole gets its own time
      stream.giveUpAt = this.#giveUpTime(stream, now)
      stream.nakIntervalMs = this.#options.nakIntervalMs
      stream.nakAt = Math.min(stream.nakAt, now + stream.nakIntervalMs)
    }
  }

  #unhold(stream: Stream<Frame>, seq: number, bytes: number): void {
    stream.held.delete(seq)
    stream.heldBytes -= bytes
    this.#heldFrames--
    this.#heldBytes -= bytes
  }

  #expectRepair(stream: Stream<Frame>, now: number): void {
    if (this.#waiting.has(stream)) return
    this.#waiting.add(stream)
    stream.nakIntervalMs = this.#options.nakIntervalMs
    stream.nakAt = now + this.#options.nakDelayMs
    stream.giveUpAt = this.#giveUpTime(stream, now)
    if (stream.nakAt <= now && !this.#isPaused) this.#askFor(stream, now)
  }

  #restartClock(stream: Stream<Frame>, now: number): void {
    stream.giveUpAt = this.#giveUpTime(stream, now)
    stream.nakAt = now
    stream.nakIntervalMs = this.#options.nakIntervalMs
  }

  #giveUpTime(stream: Stream<Frame>, now: number): number {
    if (stream.next === UNKNOWN) return now + this.#options.startTimeoutMs
    const { repairTimeoutMs, unreachableTimeoutMs } = this.#options
    return now + (stream.sender.isReachable ? repairTimeoutMs : unreachableTimeoutMs)
  }

  #askFor(stream: Stream<Frame>, now: number): void {
    const { sender, topic } = stream
    stream.nakAt = now + stream.nakIntervalMs
    stream.nakIntervalMs = Math.min(stream.nakIntervalMs * 2, MAX_NAK_INTERVAL_MS)
    if (!sender.isReachable) return
    if (stream.next === UNKNOWN) return this.#actions.ask(sender.uid)
    let holes = 0
    for (let seq = stream.next; seq <= stream.last && holes < MAX_HOLES; holes++) {
      const from = seq
      const upTo = stream.held.size === 0 ? stream.last + 1 : this.#nextHeld(stream, from)
      this.#actions.nak(sender.uid, topic, from, upTo - 1)
      stream.askedTo = upTo - 1
      stream.everAskedTo = Math.max(stream.everAskedTo, stream.askedTo)
      seq = upTo
      while (stream.held.has(seq)) seq++
    }
  }

  /** The first seq from `seq` on that is held, or the one after the last. */
  #nextHeld(stream: Stream<Frame>, seq: number): number {
    if (stream.last - seq <= stream.held.size) {
      while (seq <= stream.last && !stream.held.has(seq)) seq++
      return seq
    }
    let nearest = stream.last + 1
    for (const held of stream.held.keys()) if (held >= seq && held < nearest) nearest = held
    return nearest
  }

  /** The time is up for the first hole, or for hearing where the sequence starts. */
  #giveUp(stream: Stream<Frame>, now: number): void {
    if (stream.next === UNKNOWN) {
      return this.#startAt(stream, stream.first, now)
    }
    // of a sender that cannot be reached nothing else is to be hoped for either
    const isHopeless = !stream.sender.isReachable
    const seq = isHopeless ? stream.last + 1 : this.#nextHeld(stream, stream.next)
    this.#skipTo(stream, seq, now)
    if (this.#waiting.has(stream)) this.#askFor(stream, now)
  }

  #startAt(stream: Stream<Frame>, seq: number, now: number): void {
    stream.next = seq
    if (!this.#waiting.has(stream)) return
    this.#advance(stream, now)
    if (this.#waiting.has(stream)) stream.nakAt = now + this.#options.nakDelayMs
  }

  /** Goes on with a seq; of those before it, what is held is delivered and the rest is lost. */
  #skipTo(stream: Stream<Frame>, seq: number, now: number): void {
    const { sender, topic } = stream
    const kept = [...stream.held.keys()].filter((other) => other < seq).sort((a, b) => a - b)
    const lost = seq - stream.next - kept.length
    this.#lost += lost
    for (const other of kept) {
      const { frame, bytes } = stream.held.get(other)!
      this.#unhold(stream, other, bytes)
      stream.heard = other
      this.#actions.deliver(sender.uid, topic, frame)
    }
    stream.next = seq
    if (lost > 0) this.#actions.gap(sender.uid, topic, lost)
    this.#advance(stream, now)
  }

  #stream(uid: string, topic: string, startsAtOne: boolean, now: number): Stream<Frame> {
    const sender = this.#sender(uid, now)
    return sender.streams.get(topic) ?? this.#addStream(sender, topic, startsAtOne ? 1 : UNKNOWN)
  }

  #addStream(sender: Sender<Frame>, topic: string, next: number, heard = 0): Stream<Frame> {
    const stream: Stream<Frame> = {
      sender,
      topic,
      next,
      first: NEVER,
      last: Math.max(0, next - 1),
      heard,
      askedTo: 0,
      everAskedTo: 0,
      certainUntil: 0,
      held: new Map(),
      heldBytes: 0,
      nakAt: NEVER,
      nakIntervalMs: 0,
      giveUpAt: NEVER,
    }
    sender.streams.set(topic, stream)
    return stream
  }

  #sender(uid: string, now: number): Sender<Frame> {
    const known = this.#senders.get(uid)
    if (known !== undefined) return known
    const sender: Sender<Frame> = {
      uid,
      streams: new Map(),
      isReachable: this.#actions.isReachable(uid),
      forgetAt: NEVER,
    }
    const positions = this.#positions.get(uid) ?? []
    this.#positions.delete(uid)
    if (this.#senders.size >= this.#options.maxSenders) {
      const [stalest] = this.#leaving.size > 0 ? this.#leaving : this.#senders.values()
      if (stalest !== undefined) this.#forget(stalest, now)
    }
    this.#senders.set(uid, sender)
    for (const [topic, { next, heard }] of positions) this.#addStream(sender, topic, next, heard)
    if (!sender.isReachable) this.#forgetLater(sender, now)
    return sender
  }

  #forgetLater(sender: Sender<Frame>, now: number): void {
    sender.forgetAt = now + this.#options.forgetMs
    this.#leaving.delete(sender) // to its end
    this.#leaving.add(sender)
  }

  #isMissing({ streams }: Sender<Frame>): boolean {
    for (const stream of streams.values()) if (this.#waiting.has(stream)) return true
    return false
  }

  /** Keeps no more of a sender than where it stood; what is missing of it is given up. */
  #forget(sender: Sender<Frame>, now: number): void {
    const positions = new Map<string, Position>()
    for (const stream of sender.streams.values()) {
      if (stream.next === UNKNOWN) this.#startAt(stream, stream.first, now)
      if (this.#waiting.has(stream)) this.#skipTo(stream, stream.last + 1, now)
      positions.set(stream.topic, { next: stream.next, heard: stream.heard })
    }
    this.#senders.delete(sender.uid)
    this.#leaving.delete(sender)
    this.#positions.set(sender.uid, positions)
    if (this.#positions.size <= this.#options.maxSenders * POSITIONS_PER_SENDER) return
    for (const uid of this.#positions.keys()) {
      this.#positions.delete(uid)
      break
    }
  }
}

function isTooFarAhead<Frame>({ next }: Stream<Frame>, seq: number): boolean {
  return next !== UNKNOWN && seq - next > MAX_AHEAD
}
