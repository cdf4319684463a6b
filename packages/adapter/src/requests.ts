import { randomBytes } from 'node:crypto'

/** How many requests may be open at once. */
const MAX_OPEN_REQUESTS = 65_536

/** An answer from another server. */
export type Answer =
  /** All that the server has to say to the request. */
  | { kind: 'values'; values: unknown[] }
  /** How many clients of the server will acknowledge. */
  | { kind: 'clientCount'; clientCount: number }
  /** One client's acknowledgement. */
  | { kind: 'acknowledgement'; value: unknown }

interface OpenRequest {
  timer: NodeJS.Timeout
  answer(uid: string, answer: Answer): void
  memberLeft(uid: string): void
  /** Ends the request before it is complete. */
  fail(error: Error): void
}

/** Called when a request is over: with an error if answers are missing, and those that came. */
export type OnAnswers = (error: Error | null, values: unknown[]) => void

/** Called as other servers report on a broadcast with acknowledgements. */
export interface AcknowledgementListener {
  onClientCount(clientCount: number): void
  onAcknowledgement(value: unknown): void
}

/**
 * The requests to other servers that are waiting for answers. Each waits for those servers that were
 * members when it was made, and for none of them longer than it lives.
 */
export class Requests {
  readonly #open = new Map<string, OpenRequest>()

  get size(): number {
    return this.#open.size
  }

  /**
   * Opens a request that each server answers once.
   * @param members - the uids of the servers that are asked
   * @returns the request's id
   */
  collect(
    members: Iterable<string>,
    timeoutMs: number,
    values: unknown[],
    done: OnAnswers,
  ): string {
    const missing = new Set(members)
    const asked = missing.size
    const complete = (uid: string) => {
      if (missing.delete(uid) && missing.size === 0) {
        this.#remove(id)
        done(null, values)
      }
    }
    const fail = (error: Error) => {
      this.#remove(id)
      done(error, values)
    }
    const id = this.#add({
      timer: setTimeout(() => {
        const silent = [...missing].join(', ')
        fail(
          new Error(
            `timeout reached: missing ${missing.size} responses out of ${asked} within ` +
              `${timeoutMs} ms (from ${silent})`,
          ),
        )
      }, timeoutMs),
      answer(uid, answer) {
        if (answer.kind !== 'values' || !missing.has(uid)) return
        values.push(...answer.values)
        complete(uid)
      },
      memberLeft: complete,
      fail,
    })
    return id
  }

  /**
   * Opens a request that each server answers with the number of its clients, and then with their
   * acknowledgements. It closes when all have come, or after its time.
   * @param members - the uids of the servers that are asked
   * @returns the request's id
   */
  acknowledge(
    members: Iterable<string>,
    timeoutMs: number,
    listener: AcknowledgementListener,
  ): string {
    const asked = new Set(members)
    const uncounted = new Set(asked)
    /** Clients that have been counted, less those that have acknowledged. */
    let awaited = 0
    const id = this.#add({
      timer: setTimeout(() => this.#remove(id), timeoutMs),
      answer(uid, answer) {
        if (answer.kind === 'clientCount') {
          if (!uncounted.delete(uid)) return
          awaited += answer.clientCount
          listener.onClientCount(answer.clientCount)
        } else if (answer.kind === 'acknowledgement' && asked.has(uid)) {
          awaited--
          listener.onAcknowledgement(answer.value)
        }
        closeIfComplete()
      },
      memberLeft(uid) {
        if (!uncounted.delete(uid)) return
        listener.onClientCount(0)
        closeIfComplete()
      },
      fail: () => this.#remove(id), // the caller has a timer of his own
    })
    const closeIfComplete = () => {
      if (uncounted.size === 0 && awaited === 0) this.#remove(id)
    }
    return id
  }

  /** Hands an answer to the request that it belongs to, if that is still open. */
  answer(id: string, uid: string, answer: Answer): void {
    this.#open.get(id)?.answer(uid, answer)
  }

  /** A server has left, and nothing more is to come from it. */
  memberLeft(uid: string): void {
    for (const request of [...this.#open.values()]) request.memberLeft(uid)
  }

  /** Ends all requests. */
  failAll(error: Error): void {
    for (const request of [...this.#open.values()]) request.fail(error)
  }

  #add(request: OpenRequest): string {
    if (this.#open.size >= MAX_OPEN_REQUESTS) {
      const [oldest] = this.#open.values()
      oldest?.fail(new Error(`more than ${MAX_OPEN_REQUESTS} requests to other servers are open`))
    }
    const id = randomBytes(8).toString('hex')
    this.#open.set(id, request)
    return id
  }

  #remove(id: string): void {
    clearTimeout(this.#open.get(id)?.timer)
    this.#open.delete(id)
  }
}
