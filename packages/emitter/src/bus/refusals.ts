import type { MalformedReason } from '../wire/msgpack.js'

/** Why something of the wire was refused; what each means stands in docs/protocol.md. */
export type RefusalReason =
  | MalformedReason
  | 'ownName'
  | 'tooFarAhead'
  | 'notAskedFor'
  | 'stranger'
  | 'askedTooOften'
  | 'askedTooMuch'
  | 'tooManySenders'

/** How much was refused, by reason. */
export type Refused = Readonly<Record<RefusalReason, number>>

const NONE: Refused = {
  wrongType: 0,
  cutShort: 0,
  tooDeep: 0,
  tooMany: 0,
  tooLong: 0,
  reservedEvent: 0,
  ownName: 0,
  tooFarAhead: 0,
  notAskedFor: 0,
  stranger: 0,
  askedTooOften: 0,
  askedTooMuch: 0,
  tooManySenders: 0,
}

/** Counts what is refused. */
export class Refusals {
  static readonly NONE = NONE
  readonly #counts: Record<RefusalReason, number> = { ...NONE }

  count(reason: RefusalReason): void {
    this.#counts[reason]++
  }

  get counts(): Refused {
    return { ...this.#counts }
  }
}
