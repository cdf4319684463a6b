import { MsgpackWriter } from '../wire/msgpack.js'
import type { Run } from './directing.js'

/** A frame in the making: messages for a topic, and for which of its buckets they are. */
export class Batch {
  readonly topic: string
  readonly writer = new MsgpackWriter()
  /** Where its first message begins, behind the header. */
  start = 0
  messages = 0
  /** What is for which bucket, as long as all of it is for one and it may pay to tell them apart. */
  runs: Run[] | undefined

  constructor(topic: string) {
    this.topic = topic
  }

  /** Notes that a message has been written, and for which bucket it is. */
  add(bucket: number | undefined): void {
    this.messages++
    const { runs } = this
    if (runs === undefined) return
    if (bucket === undefined) {
      this.runs = undefined // this frame goes to everyone anyway
      return
    }
    const run = runs.at(-1)
    if (run?.bucket === bucket) {
      run.end = this.writer.length
      run.messages++
    } else runs.push({ bucket, end: this.writer.length, messages: 1 })
  }

  clear(): void {
    this.writer.truncate(0)
    this.messages = 0
  }
}
