import type { Server } from 'socket.io'
import { BINARY, EVENT, stampedText, TEXT, writeMilestone } from '../messages.js'
import { progressRoom, type SceneName, scenes } from '../scenes.js'

/** How a sender emits as fast as the system takes it. */
export interface Flood {
  scene: SceneName
  /** Messages on their way at once, at most. */
  window: number
  /** Messages in one turn of the event loop, at most. */
  burst: number
  /** How many processes tell of their progress. */
  counters: number
  isBinary: boolean
}

/** How many milestones pass while a window's worth of messages does. */
const MILESTONES_PER_WINDOW = 5
/** Messages between two milestones, at most. */
const MAX_STRIDE = 10_000
/** A sender that has fallen behind makes good for so much in one go, and then lets others work. */
const MAX_TICK_MS = 10
/** Without a milestone for so long, what is on its way is taken for lost. */
const STALL_MS = 2_000
/** Steps through the rooms in an order in which neighbours are far apart; a prime. */
const STEP = 7_919

/** Emits the messages: as many as the receivers keep up with, or so many per second. */
export class Sender {
  readonly #io: Server
  readonly #node: number
  readonly #nodes: number
  /** Messages emitted. */
  sent = 0
  #progressRoom = ''
  #targets: string[] = []
  #target = 0
  /** How far each counting process has come. */
  readonly #progress = new Map<number, number>()
  #timer: NodeJS.Timeout | undefined
  #stallTimer: NodeJS.Timeout | undefined
  #flood: Flood | undefined
  /** Messages between two milestones, which tell receivers how far they have come. */
  #stride = MAX_STRIDE
  #isWaiting = false

  constructor(io: Server, node: number, nodes: number) {
    this.#io = io
    this.#node = node
    this.#nodes = nodes
  }

  /** Emits until stopped, in bursts, and waits whenever the window is full. */
  flood(flood: Flood): void {
    this.#begin(flood.scene)
    this.#flood = flood
    this.#stride = Math.min(MAX_STRIDE, Math.ceil(flood.window / MILESTONES_PER_WINDOW))
    this.#turn()
  }

  /** Emits at a steady rate until stopped, a little every millisecond. */
  pace(scene: SceneName, perSecond: number): void {
    this.#begin(scene)
    const most = Math.ceil((perSecond * MAX_TICK_MS) / 1e3)
    const began = performance.now()
    const tick = () => {
      const due = Math.floor(((performance.now() - began) * perSecond) / 1e3)
      const end = Math.min(due, this.sent + most)
      while (this.sent < end) this.#emit(stampedText())
      this.#timer = setTimeout(tick, 1)
    }
    tick()
  }

  /** A counting process has come so far. */
  progress(counter: number, count: number): void {
    this.#progress.set(counter, Math.max(count, this.#progress.get(counter) ?? 0))
    if (this.#isWaiting) this.#resume()
  }

  /** Says how far this sender is. */
  milestone(): void {
    const milestone = writeMilestone({ node: this.#node, count: this.sent })
    this.#io.to(this.#progressRoom).emit(EVENT, milestone)
  }

  /** Stops, and sends a last milestone behind all messages. */
  stop(): number {
    this.#flood = undefined
    clearTimeout(this.#timer)
    clearTimeout(this.#stallTimer)
    this.milestone()
    return this.sent
  }

  /** Forgets the last scene. */
  reset(scenesBefore: number): void {
    this.#progressRoom = progressRoom(scenesBefore)
    this.#forget()
  }

  #forget(): void {
    this.sent = 0
    this.#progress.clear()
  }

  #begin(scene: SceneName): void {
    this.#forget()
    this.#targets = scenes[scene].targets(this.#node, this.#nodes)
    this.#target = 0
    this.#stride = MAX_STRIDE
    this.#isWaiting = false
  }

  #turn = (): void => {
    if (this.#flood === undefined) return
    const { window, burst, isBinary } = this.#flood
    const allowed = this.#slowest() + window
    const end = Math.min(this.sent + burst, allowed)
    const payload = isBinary ? BINARY : TEXT
    while (this.sent < end) this.#emit(payload)
    // woken by progress(), and not by turning round and round
    if (this.sent < allowed) return void setImmediate(this.#turn)
    this.#isWaiting = true
    this.#stallTimer = setTimeout(() => this.#giveUp(), STALL_MS)
  }

  #resume(): void {
    this.#isWaiting = false
    clearTimeout(this.#stallTimer)
    this.#turn()
  }

  /** Goes on as if everything had arrived; the count at the end says what is lost. */
  #giveUp(): void {
    const { counters } = this.#flood as Flood
    for (let i = 0; i < counters; i++) this.#progress.set(i, this.sent)
    this.#resume()
  }

  #emit(payload: string | Buffer): void {
    this.#io.to(this.#targets[this.#target] as string).emit(EVENT, payload)
    this.#target = (this.#target + STEP) % this.#targets.length
    this.sent++
    if (this.sent % this.#stride === 0) this.milestone()
  }

  #slowest(): number {
    const { counters } = this.#flood as Flood
    if (this.#progress.size < counters) return 0
    return Math.min(...this.#progress.values())
  }
}
