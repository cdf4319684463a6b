import { EVERYONE } from '../wire/frame.js'
import { forgetOldest } from './oldest.js'
import {
  block,
  firstMissing,
  holdBack,
  holesOf,
  isMissing,
  isTooFarAhead,
  lastToEveryone,
  letGo,
  lowerFloors,
  makeStream,
  NEVER,
  nextHeld,
  type Sender,
  type Stream,
  UNKNOWN,
  unblock,
  waitsFor,
} from './stream.js'

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
  /** Bytes of frames of one sender that are held back behind holes. */
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
  /** Asks the sender where its sequence on a topic stands. */
  ask(sender: string, topic: string): void
  /** Whether the sender can be asked anything just now. */
  isReachable(sender: string): boolean
  /** Whether all that the sender has said on a topic was for us. */
  startsAtOne(sender: string, topic: string): boolean
  /** Whether a topic is that of a bucket. */
  isBucket(topic: string): boolean
  /** The topic of a number in what a frame requires; `undefined` for one that is not followed. */
  topicOf(number: number): string | undefined
  /** So many frames of the sender are lost for good. */
  gap(sender: string, topic: string, frames: number): void
}

/** What became of a frame. */
export type Verdict = 'delivered' | 'held' | 'duplicate' | 'dropped' | 'refused'

/** No sender comes so far: a million frames a second take nine years for it. */
const MAX_SEQ = 2 ** 48
/** How many holes are asked for at once. */
const MAX_HOLES = 64
const MAX_NAK_INTERVAL_MS = 2_000
/** For each sender that is remembered, of how many forgotten ones it is known where they stood. */
const POSITIONS_PER_SENDER = 4

/** Where a forgotten sender stood on a topic. */
interface Position extends Pick<Stream<unknown>, 'next' | 'heard'> {
  /** How often the topic had been left by then. */
  leaves: number
}

/**
 * Delivers each sender's frames on a topic in order and once, and none before those on other topics
 * that it requires. A hole holds back what follows, and is asked for until it is filled, or declared
 * lost. A plain state machine: frames, words of the senders and a clock in, actions out.
 */
export class Inbox<Frame> {
  readonly #options: InboxOptions
  readonly #actions: InboxActions<Frame>
  readonly #senders = new Map<string, Sender<Frame>>()
  /** The streams of which something is missing. */
  readonly #waiting = new Set<Stream<Frame>>()
  /** The streams that have gone on, and others may be waiting for that. */
  readonly #stirred: Stream<Frame>[] = []
  /** Senders that have left, in the order in which they are to be forgotten. */
  readonly #leaving = new Set<Sender<Frame>>()
  /** Where those stood that were forgotten, by topic, since they may come back. */
  readonly #positions = new Map<string, ReadonlyMap<string, Position>>()
  /** How often topics have been left. */
  readonly #leaves = new Map<string, number>()
  #isPaused = false
  /** While what a sender has not sent is given up: more streams of which something is missing. */
  #hopeless: Stream<Frame>[] | undefined
  #heldFrames = 0
  #heldBytes = 0
  #lost = 0

  constructor(options: InboxOptions, actions: InboxActions<Frame>) {
    this.#options = options
    this.#actions = actions
  }

  /** Frames that wait for one before them. */
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

  /** The seq that is delivered next of a sender on a topic; 0 if it is not known where it starts. */
  next(uid: string, topic: string): number {
    const sender = this.#senders.get(uid)
    if (sender !== undefined) return sender.streams.get(topic)?.next ?? UNKNOWN
    const position = this.#positions.get(uid)?.get(topic)
    return position?.leaves === this.#leavesOf(topic) ? position.next : UNKNOWN
  }

  /**
   * A frame has come, for the first time or again.
   * @param requires - see FrameHeader
   */
  receive(
    uid: string,
    topic: string,
    seq: number,
    frame: Frame,
    bytes: number,
    now: number,
    requires?: readonly number[],
  ): Verdict {
    if (seq > MAX_SEQ) return 'refused'
    const stream = this.#stream(this.#sender(uid, now), topic)
    if (isTooFarAhead(stream, seq)) return 'refused'
    if (stream.next === UNKNOWN && seq === 1) this.#startAt(stream, 1, now)
    if (seq === stream.next && stream.blockedBy === undefined) {
      if (requires === undefined || this.#isClear(stream, requires, now)) {
        stream.heard = stream.next++
        this.#deliver(stream, frame, requires)
        if (this.#waiting.has(stream)) this.#advance(stream, now)
        if (stream.dependents !== undefined) this.#stirred.push(stream)
        this.#wake(now)
        return 'delivered'
      }
    }
    if (this.has(uid, topic, seq)) return 'duplicate'
    if (seq < stream.first) stream.first = seq
    if (seq > stream.last) stream.last = seq
    const verdict = this.#hold(stream, seq, frame, bytes, requires)
    if (requires !== undefined) this.#learn(stream, requires, now)
    if (isMissing(stream)) this.#expectRepair(stream, now)
    this.#wake(now)
    return verdict
  }

  /**
   * A sender tells where its sequence stands.
   * @param last - the seq of the last frame that it has sent on the topic
   * @param start - where the sequence starts for us by what the sender tells, if it tells that
   * @returns whether it can be so
   */
  digest(
    uid: string,
    topic: string,
    last: number,
    start: number | undefined,
    now: number,
  ): boolean {
    if (last > MAX_SEQ) return false
    const stream = this.#stream(this.#sender(uid, now), topic)
    if (isTooFarAhead(stream, last)) return false
    if (stream.next === UNKNOWN && start !== undefined) {
      this.#startAt(stream, Math.min(start, stream.first), now)
    }
    if (last > stream.last) stream.last = last
    if (isMissing(stream)) this.#expectRepair(stream, now)
    this.#wake(now)
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
    if (stream.next === UNKNOWN) return true
    const missing = firstMissing(stream)
    if (from > missing || to < missing || stream.last < missing) return true
    this.#skipTo(stream, Math.min(to, stream.last) + 1, now)
    // the answers to what has been asked for are on their way
    if (this.#waiting.has(stream) && firstMissing(stream) > stream.askedTo) {
      this.#askFor(stream, now)
    }
    this.#wake(now)
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
    stream.lostTo = Math.min(stream.lostTo, stream.last)
    stream.next = Math.max(stream.heard + 1, Math.min(stream.next, stream.last + 1, stream.first))
    stream.askedTo = Math.min(stream.askedTo, stream.last)
    stream.everAskedTo = stream.last
    for (const seq of stream.held.keys()) if (seq > stream.last) this.#unhold(stream, seq)
    if (!stream.held.has(stream.next)) unblock(stream)
    if (stream === stream.sender.everyone) lowerFloors(stream.sender, stream.next)
    for (const dependent of [...(stream.dependents ?? [])]) {
      if (dependent.blockedUntil > stream.last) this.#release(dependent, now)
    }
    if (this.#waiting.has(stream)) this.#advance(stream, now)
    else if (isMissing(stream)) this.#expectRepair(stream, now)
    this.#wake(now)
    return true
  }

  /** A topic is followed from now on, of which others may have heard before. */
  follow(topic: string): void {
    for (const { everyone, floors } of this.#senders.values()) {
      if (everyone !== undefined && everyone.next > 1) floors.set(topic, everyone.next)
    }
  }

  /** A topic is not followed any more: what is missing on it is not lost, and nothing waits for it. */
  unfollow(topic: string, now: number): void {
    this.#leaves.set(topic, this.#leavesOf(topic) + 1)
    for (const { streams, floors } of this.#senders.values()) {
      floors.delete(topic)
      const stream = streams.get(topic)
      if (stream === undefined) continue
      streams.delete(topic)
      this.#waiting.delete(stream)
      for (const seq of [...stream.held.keys()]) this.#unhold(stream, seq)
      unblock(stream)
      for (const dependent of [...(stream.dependents ?? [])]) {
        unblock(dependent)
        this.#advance(dependent, now)
      }
    }
    this.#wake(now)
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
      // what was given up without hope, and not passed over yet, may be had after all
      if (isReachable) stream.lostTo = Math.min(stream.lostTo, stream.next - 1)
      if (this.#waiting.has(stream)) this.#restartClock(stream, now)
      else if (isMissing(stream)) this.#expectRepair(stream, now)
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
      if (this.#isAwaited(sender)) this.#forgetLater(sender, now)
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

  #deliver(stream: Stream<Frame>, frame: Frame, requires: readonly number[] | undefined): void {
    if (stream.isOfBucket && this.#isFromBefore(stream, requires)) return
    this.#actions.deliver(stream.sender.uid, stream.topic, frame)
  }

  /**
   * Whether a frame on a bucket was said before something to everyone that has come, though nothing
   * has waited for it: the bucket was not followed then, or that was where we came in.
   */
  #isFromBefore(
    { sender, floor }: Stream<Frame>,
    requires: readonly number[] | undefined,
  ): boolean {
    if (floor === UNKNOWN && sender.start === UNKNOWN) return false
    const everyone = lastToEveryone(requires)
    if (everyone < floor - 1) return true
    if (everyone >= sender.start - 1) return false
    return sender.everyone !== undefined && sender.everyone.next > sender.start
  }

  /** Delivers what can be, and passes over what has been given up. */
  #advance(stream: Stream<Frame>, now: number): void {
    if (stream.next === UNKNOWN || stream.blockedBy !== undefined) return
    let lost = 0
    for (;;) {
      const held = stream.held.get(stream.next)
      if (held !== undefined) {
        const { frame, requires } = held
        if (requires !== undefined && !this.#isClear(stream, requires, now)) break
        this.#unhold(stream, stream.next)
        if (frame === undefined) continue
        stream.heard = stream.next++
        this.#deliver(stream, frame, requires)
      } else if (stream.next <= stream.lostTo) {
        const end = Math.min(stream.lostTo + 1, nextHeld(stream, stream.next))
        lost += end - stream.next
        stream.next = end
      } else break
    }
    if (lost > 0) {
      this.#lost += lost
      this.#actions.gap(stream.sender.uid, stream.topic, lost)
    }
    if (stream.dependents !== undefined) this.#stirred.push(stream)
    if (!isMissing(stream)) {
      this.#waiting.delete(stream)
      stream.nakAt = NEVER
      stream.giveUpAt = NEVER
    } else if (this.#waiting.has(stream) && this.#hopeless === undefined) {
      // progress: the next hole gets its own time
      stream.giveUpAt = this.#giveUpTime(stream, now)
      stream.nakIntervalMs = this.#options.nakIntervalMs
      stream.nakAt = Math.min(stream.nakAt, now + stream.nakIntervalMs)
    } else this.#expectRepair(stream, now)
  }

  /** Lets those go on that have waited for what has happened; not by recursion, as there may be many. */
  #wake(now: number): void {
    for (;;) {
      const stream = this.#stirred.pop()
      if (stream === undefined) return
      for (const dependent of stream.dependents ?? []) {
        if (stream.next <= dependent.blockedUntil) continue
        unblock(dependent)
        this.#advance(dependent, now)
      }
    }
  }

  /**
   * Whether all has been delivered that the next frame of a stream requires; blocks the stream if not.
   */
  #isClear(stream: Stream<Frame>, requires: readonly number[], now: number): boolean {
    this.#learn(stream, requires, now)
    for (let i = 0; i < requires.length; i += 2) {
      const other = this.#required(stream, requires[i] as number)
      const seq = requires[i + 1] as number
      if (other === undefined || other.next > seq || seq > other.last) continue
      if (waitsFor(other, stream)) continue
      block(stream, other, seq)
      if (this.#waiting.has(stream)) stream.giveUpAt = this.#giveUpTime(stream, now)
      return false
    }
    return true
  }

  /** Lets the next frame of a stream go that requires what was never sent. */
  #release(stream: Stream<Frame>, now: number): void {
    const held = stream.held.get(stream.next)
    if (held !== undefined) held.requires = undefined
    unblock(stream)
    this.#advance(stream, now)
  }

  /** What a frame requires has been sent: if it has not come, it is asked for. */
  #learn(stream: Stream<Frame>, requires: readonly number[], now: number): void {
    for (let i = 0; i < requires.length; i += 2) {
      const other = this.#required(stream, requires[i] as number)
      const seq = requires[i + 1] as number
      if (other === undefined || seq < other.next || seq <= other.last) continue
      if (seq > MAX_SEQ || isTooFarAhead(other, seq)) continue
      other.last = seq
      this.#expectRepair(other, now)
    }
  }

  /** The stream of a topic that a frame requires, if it is another that is followed. */
  #required(stream: Stream<Frame>, number: number): Stream<Frame> | undefined {
    const topic = this.#actions.topicOf(number)
    if (topic === undefined || topic === stream.topic) return undefined
    return this.#stream(stream.sender, topic)
  }

  #hold(
    stream: Stream<Frame>,
    seq: number,
    frame: Frame,
    bytes: number,
    requires: readonly number[] | undefined,
  ): Verdict {
    const { sender } = stream
    const { maxHeldBytes, maxHeldBytesOfAll, maxHeldFrames } = this.#options
    const isRoom =
      sender.heldBytes + bytes <= maxHeldBytes &&
      this.#heldBytes + bytes <= maxHeldBytesOfAll &&
      this.#heldFrames < maxHeldFrames
    if (!isRoom) {
      // the next one is not missing, but waits for another; it is had again when that has come
      const isNext = seq === stream.next && stream.blockedBy !== undefined
      if (isNext) holdBack(stream, seq, { frame: undefined, bytes: 0, requires })
      return 'dropped'
    }
    holdBack(stream, seq, { frame, bytes, requires })
    sender.heldBytes += bytes
    this.#heldFrames++
    this.#heldBytes += bytes
    return 'held'
  }

  #unhold(stream: Stream<Frame>, seq: number): void {
    const { frame, bytes } = stream.held.get(seq)!
    letGo(stream, seq)
    if (frame === undefined) return
    stream.sender.heldBytes -= bytes
    this.#heldFrames--
    this.#heldBytes -= bytes
  }

  #expectRepair(stream: Stream<Frame>, now: number): void {
    this.#hopeless?.push(stream)
    if (this.#waiting.has(stream)) return
    this.#waiting.add(stream)
    stream.nakIntervalMs = this.#options.nakIntervalMs
    stream.nakAt = now + this.#options.nakDelayMs
    stream.giveUpAt = this.#giveUpTime(stream, now)
    const isDue = stream.nakAt <= now && !this.#isPaused && this.#hopeless === undefined
    if (isDue) this.#askFor(stream, now)
  }

  #restartClock(stream: Stream<Frame>, now: number): void {
    stream.giveUpAt = this.#giveUpTime(stream, now)
    stream.nakAt = now
    stream.nakIntervalMs = this.#options.nakIntervalMs
  }

  #giveUpTime(stream: Stream<Frame>, now: number): number {
    if (stream.next === UNKNOWN) return now + this.#options.startTimeoutMs
    const { repairTimeoutMs, unreachableTimeoutMs } = this.#options
    if (!stream.sender.isReachable) return now + unreachableTimeoutMs
    // while the next one waits for another stream, it is that one's time that runs
    return stream.blockedBy === undefined ? now + repairTimeoutMs : NEVER
  }

  #askFor(stream: Stream<Frame>, now: number): void {
    const { sender, topic } = stream
    stream.nakAt = now + stream.nakIntervalMs
    stream.nakIntervalMs = Math.min(stream.nakIntervalMs * 2, MAX_NAK_INTERVAL_MS)
    if (!sender.isReachable) return
    if (stream.next === UNKNOWN) return this.#actions.ask(sender.uid, topic)
    for (const [from, to] of holesOf(stream, MAX_HOLES)) {
      this.#actions.nak(sender.uid, topic, from, to)
      stream.askedTo = to
      stream.everAskedTo = Math.max(stream.everAskedTo, to)
    }
  }

  /** The time is up for the first hole, or for hearing where the sequence starts. */
  #giveUp(stream: Stream<Frame>, now: number): void {
    if (stream.next === UNKNOWN) {
      this.#startAtWhatIsKnown(stream, now)
      return this.#wake(now)
    }
    if (!stream.sender.isReachable) return this.#giveUpAll([stream], now)
    this.#skipTo(stream, nextHeld(stream, firstMissing(stream)), now)
    if (this.#waiting.has(stream)) this.#askFor(stream, now)
    this.#wake(now)
  }

  /**
   * Of a sender that cannot be reached nothing else is to be hoped for either: neither on this topic,
   * nor what turns out to be missing as others go on that waited for it.
   */
  #giveUpAll(streams: readonly Stream<Frame>[], now: number): void {
    const hopeless = [...streams]
    this.#hopeless = hopeless
    for (;;) {
      const stream = hopeless.pop()
      if (stream === undefined) break
      if (stream.next === UNKNOWN) this.#startAtWhatIsKnown(stream, now)
      this.#skipTo(stream, stream.last + 1, now)
      this.#wake(now)
    }
    this.#hopeless = undefined
  }

  #startAt(stream: Stream<Frame>, seq: number, now: number): void {
    stream.next = seq
    if (stream === stream.sender.everyone) stream.sender.start = seq
    if (!this.#waiting.has(stream)) return
    this.#advance(stream, now)
    if (this.#waiting.has(stream)) stream.nakAt = now + this.#options.nakDelayMs
  }

  #startAtWhatIsKnown(stream: Stream<Frame>, now: number): void {
    this.#startAt(stream, Math.min(stream.first, stream.last + 1), now)
  }

  /** Goes on with a seq; of those before it, what is held is delivered and the rest is lost. */
  #skipTo(stream: Stream<Frame>, seq: number, now: number): void {
    stream.lostTo = Math.max(stream.lostTo, seq - 1)
    if (stream.blockedBy === undefined) return this.#advance(stream, now)
    if (!isMissing(stream)) {
      this.#waiting.delete(stream)
      stream.nakAt = NEVER
      stream.giveUpAt = NEVER
    }
  }

  #stream(sender: Sender<Frame>, topic: string): Stream<Frame> {
    const known = sender.streams.get(topic)
    if (known !== undefined) return known
    const next = this.#actions.startsAtOne(sender.uid, topic) ? 1 : UNKNOWN
    return this.#addStream(sender, topic, next)
  }

  #addStream(sender: Sender<Frame>, topic: string, next: number, heard = 0): Stream<Frame> {
    const stream = makeStream(sender, topic, next, heard, this.#actions.isBucket(topic))
    sender.streams.set(topic, stream)
    if (topic === this.#actions.topicOf(EVERYONE)) sender.everyone = stream
    return stream
  }

  #sender(uid: string, now: number): Sender<Frame> {
    const known = this.#senders.get(uid)
    if (known !== undefined) return known
    const sender: Sender<Frame> = {
      uid,
      streams: new Map(),
      floors: new Map(),
      start: UNKNOWN,
      everyone: undefined,
      heldBytes: 0,
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
    for (const [topic, { next, heard, leaves }] of positions) {
      if (leaves === this.#leavesOf(topic)) this.#addStream(sender, topic, next, heard)
    }
    if (!sender.isReachable) this.#forgetLater(sender, now)
    return sender
  }

  #leavesOf(topic: string): number {
    return this.#leaves.get(topic) ?? 0
  }

  #forgetLater(sender: Sender<Frame>, now: number): void {
    sender.forgetAt = now + this.#options.forgetMs
    this.#leaving.delete(sender) // to its end
    this.#leaving.add(sender)
  }

  #isAwaited({ streams }: Sender<Frame>): boolean {
    for (const stream of streams.values()) if (this.#waiting.has(stream)) return true
    return false
  }

  /** Keeps no more of a sender than where it stood; what is missing of it is given up. */
  #forget(sender: Sender<Frame>, now: number): void {
    this.#giveUpAll([...sender.streams.values()].filter(isMissing), now)
    const positions = new Map<string, Position>()
    for (const { topic, next, heard } of sender.streams.values()) {
      if (next !== UNKNOWN) positions.set(topic, { next, heard, leaves: this.#leavesOf(topic) })
    }
    this.#senders.delete(sender.uid)
    this.#leaving.delete(sender)
    this.#positions.set(sender.uid, positions)
    const maxPositions = this.#options.maxSenders * POSITIONS_PER_SENDER
    if (this.#positions.size > maxPositions) forgetOldest(this.#positions)
  }
}
