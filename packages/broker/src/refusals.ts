import type { Role } from 'socket.io-zeromq-emitter/keys'

/** One of the places where a broker listens, by the option that says where. */
export type Door = 'pub' | 'sub' | 'emitterSub'

/**
 * Why a peer was refused: `unknown-key` its key is not authorised; `role` its key is for something
 * else; `no-key` it has none, and the broker takes only who has one; `has-key` it has one, and the
 * broker has none; `server-key` it takes the broker for another; `ended` the connection ended before
 * it was established; `protocol` it speaks something else than ZeroMQ's protocol.
 */
export type RefusalReason =
  | 'unknown-key'
  | 'role'
  | 'no-key'
  | 'has-key'
  | 'server-key'
  | 'ended'
  | 'protocol'

/** Somebody who was not let in. What is not known is left out. */
export interface Refusal {
  readonly reason: RefusalReason
  readonly door: Door
  /** Where the broker listens that refused. */
  readonly endpoint: string
  /** The peer's IP address; known when it has a key. */
  readonly address?: string
  readonly publicKey?: string
  /** The role and the name of an authorised key. */
  readonly role?: Role
  readonly name?: string
}

/** A refusal, as it is told of. */
export interface ToldRefusal extends Refusal {
  /** How often it has happened since it was last told of, this time included. */
  readonly count: number
  /** All of it as a sentence. */
  readonly message: string
}

const repeatMs = 60_000
const maxRemembered = 1000

/** Tells of each refusal once a minute, however often it happens. A plain state machine. */
export class RefusalLog {
  readonly #remembered = new Map<string, { toldAt: number; untold: number }>()

  /** @returns the refusal if it is to be told of now */
  add(refusal: Refusal, nowMs: number): ToldRefusal | undefined {
    const { reason, door, address, publicKey } = refusal
    // Who can make up keys, or has many addresses, must not fill memory or a disk.
    const isFull = this.#remembered.size >= maxRemembered
    const full = [reason, door, address, publicKey].join(' ')
    const id = isFull && !this.#remembered.has(full) ? `${reason} ${door}` : full
    const state = this.#remembered.get(id) ?? { toldAt: Number.NEGATIVE_INFINITY, untold: 0 }
    state.untold++
    if (nowMs - state.toldAt < repeatMs) return undefined
    const count = state.untold
    this.#forgetOld(nowMs)
    this.#remembered.set(id, { toldAt: nowMs, untold: 0 })
    return { ...refusal, count, message: messageOf(refusal, count) }
  }

  #forgetOld(nowMs: number): void {
    for (const [id, { toldAt }] of this.#remembered) {
      if (nowMs - toldAt >= repeatMs) this.#remembered.delete(id)
    }
  }
}

const doorNames: Record<Door, string> = {
  pub: '--pub',
  sub: '--sub',
  emitterSub: '--emitter-sub',
}

function messageOf(refusal: Refusal, count: number): string {
  const { reason, door, endpoint, address, publicKey, role, name } = refusal
  const from = address ? ` from ${address}` : ''
  const who =
    name === undefined
      ? publicKey === undefined
        ? 'a client'
        : `the key ${publicKey}`
      : `the ${role} "${name}" with the key ${publicKey}`
  const times = count > 1 ? `, ${count} times since it was last told` : ''
  return `refused ${who}${from} at ${endpoint} (${doorNames[door]})${times}: ${explanations[reason]}`
}

const explanations: Record<RefusalReason, string> = {
  'unknown-key': 'it is not in the folder of authorised keys',
  role: 'an emitter may not hear what servers say; its place to subscribe is --emitter-sub',
  'no-key': 'it has no key, and this broker takes only who has one (option curve)',
  'has-key': 'it has a key, and this broker has none (--curve-key)',
  'server-key': 'what it takes for the key of this broker is another (curve.serverKey)',
  ended: 'it left before it had proved a key; a client without option curve looks like this',
  protocol: 'it does not speak ZeroMQ’s protocol as it should',
}
