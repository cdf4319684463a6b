import type { Server } from 'socket.io'
import { age, type Milestone, milestoneIn } from '../messages.js'
import { type Part, progressRoom, Room, receives, type SceneName, scenes } from '../scenes.js'
import { StubSocket, type Tally } from '../stub-socket.js'
import { Progress } from './progress.js'

/** A node's sockets, and what has arrived at them. */
export class Receiver {
  readonly #io: Server
  readonly #node: number
  readonly #nodes: number
  readonly progress: Progress
  #scene: SceneName | undefined
  #sockets: StubSocket[] = []
  #progressSocket: StubSocket | undefined
  #tally: Tally = { count: 0 }
  #latencies: number[] = []

  /** @param tellMilestone - passes each milestone that comes on to the benchmark's own process */
  constructor(
    io: Server,
    node: number,
    nodes: number,
    tellMilestone: (milestone: Milestone) => void,
  ) {
    this.#io = io
    this.progress = new Progress(tellMilestone)
    this.#node = node
    this.#nodes = nodes
  }

  /** Messages that have arrived since the scene began. */
  get count(): number {
    return this.#tally.count
  }

  /** Takes the sockets of the last scene away and puts those of another into their rooms. */
  async occupy(name: SceneName, scenesBefore: number): Promise<void> {
    if (name !== this.#scene) await this.#replaceSockets(name)
    this.#progressSocket?.leave(this.#io)
    const room = progressRoom(scenesBefore)
    if (scenes[name].isWeb) this.#io.local.in(Room.WEB_PROGRESS).socketsJoin(room)
    else if (this.#sockets.length > 0 || receives(this.#node, this.#nodes)) {
      this.#progressSocket = new StubSocket(room, { count: 0 }, (packet) =>
        this.progress.note(milestoneIn(packet)),
      )
      await this.#progressSocket.join(this.#io)
    }
  }

  async #replaceSockets(name: SceneName): Promise<void> {
    for (const socket of this.#sockets) socket.leave(this.#io)
    const scene = scenes[name]
    this.#scene = name
    this.#tally = { count: 0 }
    this.#sockets = scene.sockets(this.#node, this.#nodes).map((room) => {
      const socket: StubSocket = new StubSocket(
        room,
        this.#tally,
        this.#action(scene.part, () => socket),
      )
      return socket
    })
    await Promise.all(this.#sockets.map((socket) => socket.join(this.#io)))
  }

  /** What a socket does with a packet besides being counted. */
  #action(part: Part, socket: () => StubSocket): ((packet: string) => void) | undefined {
    switch (part) {
      case 'count':
        return undefined
      case 'time':
        return (packet) => this.#latencies.push(age(packet))
      case 'acknowledge':
        return (packet) => socket().acknowledge(packet)
    }
  }

  /** Begins to count anew. */
  begin(): void {
    this.progress.begin()
    this.#tally.count = 0
    this.forgetLatencies()
  }

  forgetLatencies(): void {
    this.#latencies = []
  }

  /** Microseconds from `emit()` to the stub socket, of each message since they were forgotten. */
  get latencies(): Float64Array {
    return Float64Array.from(this.#latencies)
  }
}
