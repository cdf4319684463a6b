import type { Server } from 'socket.io'
import { EVENT, Room, stampedText, TEXT } from '../messages.js'

/** How a sender emits as fast as the system takes it. */
export interface Flood {
  room: string
  /** Messages on their way at once, at most. */
  window: number
  /** Messages in one turn of the event loop, at most. */
  burst: number
  /** How many receivers tell of their progress. */
  receivers: number
}

/** How many milestones pass while a window's worth of messages does. */
const MILESTONES_PER_WINDOW = 10
/** Messages between two milestones, at most. */
const MAX_STRIDE = 5_000
/** A sender that has fallen behind makes good for so much in one go, and then lets others work. */
const MAX_TICK_MS = 10

/** Emits the messages: as many as the receivers keep up with, or so many per second. */
export class Sender {
  readonly #io: Server
  /** Messages emitted. */
  sent = 0
  /** How far each receiver has come. */
  readonly #progress = new Map<number, number>()
  #timer: NodeJS.Timeout | undefined
  #flood: Flood | undefined
  /** Messages between two milestones, which tell receivers how far they have come. */
  #stride = MAX_STRIDE
  #isWaiting = false

  constructor(io: Server) {
    this.#io = io
  }

  /** Emits until stopped, in bursts, and waits whenever the window is full. */
  flood(flood: Flood): void {
    this.#begin()
    this.#flood = flood
    this.#stride = Math.min(MAX_STRIDE, Math.ceil(flood.window / MILESTONES_PER_WINDOW))
    this.#turn()
  }

  /** Emits at a steady rate until stopped, a little every millisecond. */
  pace(perSecond: number): void {
    this.#begin()
    const most = Math.ceil((perSecond * MAX_TICK_MS) / 1e3)
    const began = performance.now()
    const tick = () => {
      const due = Math.floor(((performance.now() - began) * perSecond) / 1e3)
      const end = Math.min(due, this.sent + most)
      while (this.sent < end) this.#emit(Room.LATENCY, stampedText())
      this.#timer = setTimeout(tick, 1)
    }
    tick()
  }

  /** A receiver has come so far. */
  progress(receiver: number, count: number): void {
    this.#progress.set(receiver, count)
    if (!this.#isWaiting) return
    this.#isWaiting = false
    this.#turn()
  }

  /** Stops, and sends a last milestone behind all messages. */
  stop(): number {
    this.#flood = undefined
    clearTimeout(this.#timer)
    this.#io.to(Room.PROGRESS).emit(EVENT, this.sent)
    return this.sent
  }

  #begin(): void {
    this.sent = 0
    this.#stride = MAX_STRIDE
    this.#progress.clear()
    this.#isWaiting = false
  }

  #turn = (): void => {
    if (this.#flood === undefined) return
    const { room, window, burst } = this.#flood
    const allowed = this.#slowest() + window
    const end = Math.min(this.sent + burst, allowed)
    while (this.sent < end) this.#emit(room, TEXT)
    // woken by progress(), and not by turning round and round
    if (this.sent < allowed) setImmediate(this.#turn)
    else this.#isWaiting = true
  }

  #emit(room: string, text: string): void {
    this.#io.to(room).emit(EVENT, text)
    this.sent++
    if (this.sent % this.#stride === 0) this.#io.to(Room.PROGRESS).emit(EVENT, this.sent)
  }

  #slowest(): number {
    const { receivers } = this.#flood as Flood
    if (this.#progress.size < receivers) return 0
    return Math.min(...this.#progress.values())
  }
}
