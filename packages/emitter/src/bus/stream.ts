import { EVERYONE } from '../wire/frame.js'

/** Where a stream starts for a receiver that has not heard it from the beginning. */
export const UNKNOWN = 0
export const NEVER = Number.POSITIVE_INFINITY
/**
 * What is told of frames further ahead than this is not believed: a sender that says 100,000 frames a
 * second takes half a day for it, without a word that is heard here.
 */
const MAX_AHEAD = 2 ** 32

/** A frame that waits for what comes before it. */
interface Held<Frame> {
  /** `undefined` if there was no room for it: it is asked for again when its turn has come. */
  frame: Frame | undefined
  bytes: number
  requires: readonly number[] | undefined
}

/** One sender's sequence on one topic, as a receiver knows it. */
export interface Stream<Frame> {
  readonly sender: Sender<Frame>
  readonly topic: string
  readonly isOfBucket: boolean
  /** The seq that is delivered next, or UNKNOWN. */
  next: number
  /** The lowest seq that has come before it was known where the sequence starts, or in spite of it. */
  first: number
  /** The highest seq that is known to have been sent. */
  last: number
  /** The highest seq of those that have come: delivered, or given up before. */
  heard: number
  /** What is missing up to here has been given up. */
  lostTo: number
  /** What was said before this frame to everyone is from before the topic was followed. */
  floor: number
  /** The frames that wait, by seq. Changed by {@link holdBack} and {@link letGo} alone. */
  held: ReadonlyMap<number, Held<Frame>>
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
  /** Whose frame has to be delivered before the next one of this stream, and which. */
  blockedBy: Stream<Frame> | undefined
  blockedUntil: number
  /** The streams that are blocked by this one. */
  dependents: Set<Stream<Frame>> | undefined
}

/** A sender, as a receiver knows it. */
export interface Sender<Frame> {
  readonly uid: string
  readonly streams: Map<string, Stream<Frame>>
  /** The floors of topics on which nothing has come yet. */
  readonly floors: Map<string, number>
  /** What it says to everyone. */
  everyone: Stream<Frame> | undefined
  /** Where its sequence to everyone starts for us, if that is not its beginning. */
  start: number
  heldBytes: number
  isReachable: boolean
  forgetAt: number
}

/** What most streams hold: a map of its own would be two fifths of a stream's memory. */
const NOTHING: ReadonlyMap<number, never> = new Map<number, never>()

export function makeStream<Frame>(
  sender: Sender<Frame>,
  topic: string,
  next: number,
  heard: number,
  isOfBucket: boolean,
): Stream<Frame> {
  const floor = sender.floors.get(topic) ?? 0
  sender.floors.delete(topic)
  return {
    sender,
    topic,
    isOfBucket,
    next,
    first: NEVER,
    last: Math.max(0, next - 1),
    heard,
    lostTo: 0,
    floor,
    askedTo: 0,
    everAskedTo: 0,
    certainUntil: 0,
    held: NOTHING,
    nakAt: NEVER,
    nakIntervalMs: 0,
    giveUpAt: NEVER,
    blockedBy: undefined,
    blockedUntil: 0,
    dependents: undefined,
  }
}

/** Keeps a frame until its turn comes. */
export function holdBack<Frame>(stream: Stream<Frame>, seq: number, held: Held<Frame>): void {
  if (stream.held === NOTHING) stream.held = new Map()
  ;(stream.held as Map<number, Held<Frame>>).set(seq, held)
}

/** A frame does not wait any longer. */
export function letGo<Frame>(stream: Stream<Frame>, seq: number): void {
  if (stream.held.size > 1) (stream.held as Map<number, Held<Frame>>).delete(seq)
  else if (stream.held.has(seq)) stream.held = NOTHING
}

/** Whether a seq is so far ahead that whatever tells of it is not believed. */
export function isTooFarAhead<Frame>({ next }: Stream<Frame>, seq: number): boolean {
  return next !== UNKNOWN && seq - next > MAX_AHEAD
}

/** Whether something is missing that is not given up yet, be it where the sequence starts. */
export function isMissing<Frame>(stream: Stream<Frame>): boolean {
  const { next, last, lostTo, held } = stream
  if (next === UNKNOWN) return last > 0
  if (lostTo < next) return held.size <= last - next
  return firstMissing(stream) <= last
}

/** The first seq that is missing and not given up; the one after the last if there is none. */
export function firstMissing<Frame>(stream: Stream<Frame>): number {
  let seq = Math.max(stream.next, stream.lostTo + 1)
  while (stream.held.has(seq)) seq++
  return seq
}

/** The first seq from `seq` on that is held, or the one after the last. */
export function nextHeld<Frame>(stream: Stream<Frame>, seq: number): number {
  const { held, last } = stream
  if (held.size === 0) return last + 1
  if (last - seq <= held.size) {
    while (seq <= last && !held.has(seq)) seq++
    return seq
  }
  let nearest = last + 1
  for (const other of held.keys()) if (other >= seq && other < nearest) nearest = other
  return nearest
}

/** The holes in what is known to have been sent, from and to, at most so many. */
export function holesOf<Frame>(stream: Stream<Frame>, most: number): [number, number][] {
  const holes: [number, number][] = []
  let from = firstMissing(stream)
  while (from <= stream.last && holes.length < most) {
    const end = nextHeld(stream, from)
    holes.push([from, end - 1])
    from = end
    while (stream.held.has(from)) from++
  }
  return holes
}

/** What was said to everyone has not come as far as it had been told. */
export function lowerFloors<Frame>(sender: Sender<Frame>, most: number): void {
  sender.start = Math.min(sender.start, most)
  for (const stream of sender.streams.values()) stream.floor = Math.min(stream.floor, most)
  for (const [topic, floor] of sender.floors) sender.floors.set(topic, Math.min(floor, most))
}

/** Whether a stream waits for another, be it through others: only what is forged can be in a circle. */
export function waitsFor<Frame>(stream: Stream<Frame>, other: Stream<Frame>): boolean {
  let at = stream
  while (at !== other) {
    const by = at.blockedBy
    if (by === undefined || by.next > at.blockedUntil) return false
    at = by
  }
  return true
}

/** Lets a stream wait until another has passed a seq. */
export function block<Frame>(stream: Stream<Frame>, by: Stream<Frame>, until: number): void {
  stream.blockedBy = by
  stream.blockedUntil = until
  by.dependents ??= new Set()
  by.dependents.add(stream)
}

export function unblock<Frame>(stream: Stream<Frame>): void {
  const { blockedBy: by } = stream
  if (by === undefined) return
  stream.blockedBy = undefined
  by.dependents?.delete(stream)
  if (by.dependents?.size === 0) by.dependents = undefined
}

/** The frame to everyone that was the last before a frame on a bucket; 0 if there was none. */
export function lastToEveryone(requires: readonly number[] | undefined): number {
  if (requires === undefined) return 0
  for (let i = 0; i < requires.length; i += 2) {
    if (requires[i] === EVERYONE) return requires[i + 1] as number
  }
  return 0
}
