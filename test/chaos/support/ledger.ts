/** What a client has got of a sender. */
export interface StreamReport {
  got: number
  /** The number of the first message that came. */
  first: number
  /** The highest number that came. */
  last: number
  twice: number
  /** Messages that came behind a later one. */
  late: number
  /** The numbers that are missing between the first and the last, from and to. */
  holes: [from: number, to: number][]
  /** The longest time between two messages. */
  longestStallMs: number
}

/** One client's account of what one sender has said to it, by the numbers of the messages. */
export class Ledger {
  readonly #report: StreamReport = {
    got: 0,
    first: 0,
    last: 0,
    twice: 0,
    late: 0,
    holes: [],
    longestStallMs: 0,
  }
  #lastAt: number | undefined

  get last(): number {
    return this.#report.last
  }

  get report(): StreamReport {
    return this.#report
  }

  /** A message has come. */
  enter(number: number, now: number): void {
    const report = this.#report
    report.got++
    if (this.#lastAt === undefined) {
      report.first = number
      report.last = number - 1
    } else {
      report.longestStallMs = Math.max(report.longestStallMs, now - this.#lastAt)
    }
    this.#lastAt = now
    if (number <= report.last) {
      if (this.#fill(number)) report.late++
      else report.twice++
      return
    }
    if (number > report.last + 1) report.holes.push([report.last + 1, number - 1])
    report.last = number
  }

  /** Takes a number out of the hole that it is in, if it is in one. */
  #fill(number: number): boolean {
    const { holes } = this.#report
    const index = holes.findIndex(([from, to]) => from <= number && number <= to)
    const hole = holes[index]
    if (hole === undefined) return false
    const [from, to] = hole
    const rest: [number, number][] = [
      [from, number - 1],
      [number + 1, to],
    ]
    holes.splice(index, 1, ...rest.filter(([a, b]) => a <= b))
    return true
  }
}
