import { randomBytes } from 'node:crypto'
import { AnswerError } from './errors.js'

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
  /** Why the server cannot send one of the above. */
  | { kind: 'failure'; reason: string }

interface OpenRequest {
  timer: NodeJS.Timeout
  answer(uid: string, answer: Answer): void
  memberLeft(uid: string): void
  /** Ends the request before it is complete. */
  fail(error: Error): void
  /** The request could not be sent. */
  unsaid(error: Error | undefined): void
}

/** Called when a request is over: with an error if answers are missing, and those that came. */
export type OnAnswers = (error: Error | null, values: unknown[]) => void

/** Called as other servers report on a broadcast with acknowledgements. */
export interface AcknowledgementListener {
  onClientCount(clientCount: number): void
  onAcknowledgement(value: unknown): void
}

/** The same, and told of acknowledgements that could not be sent. */
export interface RemoteAcknowledgementListener extends AcknowledgementListener {
  onFailure(error: AnswerError): void
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
    let failure: AnswerError | null = null
    const complete = (uid: string) => {
      if (missing.delete(uid) && missing.size === 0) {
        this.#remove(id)
        done(failure, values)
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
        if (!missing.has(uid)) return
        if (answer.kind === 'failure') failure ??= failureOf(uid, answer.reason)
        else if (answer.kind === 'values') for (const value of answer.values) values.push(value)
        else return
        complete(uid)
      },
      memberLeft: complete,
      fail,
      unsaid: (error) => fail(error ?? new Error('the request could not be sent')),
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
    listener: RemoteAcknowledgementListener,
  ): string {
    const uncounted = new Set(members)
    const asked = uncounted.size
    /** By server, the clients that have been counted and have not acknowledged. */
    const awaited = new Map<string, number>()
    const acknowledged = (uid: string) => {
      const left = awaited.get(uid)
      // Socket.IO would wait for ever for an acknowledgement less
      if (left === undefined) return false
      if (left > 1) awaited.set(uid, left - 1)
      else awaited.delete(uid)
      return true
    }
    const id = this.#add({
      timer: setTimeout(() => this.#remove(id), timeoutMs),
      answer(uid, answer) {
        if (answer.kind === 'clientCount') {
          if (!uncounted.delete(uid)) return
          if (answer.clientCount > 0) awaited.set(uid, answer.clientCount)
          listener.onClientCount(answer.clientCount)
        } else if (answer.kind === 'acknowledgement' && acknowledged(uid)) {
          listener.onAcknowledgement(answer.value)
        } else if (answer.kind === 'failure' && acknowledged(uid)) {
          listener.onFailure(failureOf(uid, answer.reason))
          // Socket.IO counts answers, and knows no client that acknowledges without one
          listener.onAcknowledgement(undefined)
        }
        closeIfComplete()
      },
      memberLeft(uid) {
        if (!uncounted.delete(uid)) return
        listener.onClientCount(0)
        closeIfComplete()
      },
      fail: () => this.#remove(id), // the caller has a timer of his own
      unsaid: () => {
        this.#remove(id)
        for (let i = 0; i < asked; i++) listener.onClientCount(0)
      },
    })
    const closeIfComplete = () => {
      if (uncounted.size === 0 && awaited.size === 0) this.#remove(id)
    }
    return id
  }

  /** Hands an answer to the request that it belongs to, if that is still open. */
  answer(id: string, uid: string, answer: Answer): void {
    this.#open.get(id)?.answer(uid, answer)
  }

  /** A request could not be sent: nobody will answer it. */
  unsaid(id: string, error?: Error): void {
    this.#open.get(id)?.unsaid(error)
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

function failureOf(uid: string, reason: string): AnswerError {
  return new AnswerError(`server ${uid} could not send its answer: ${reason}`)
}
