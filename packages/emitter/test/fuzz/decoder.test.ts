import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Broadcast } from '../../src/wire/broadcast.js'
import { MessageType, readClusterMessage } from '../../src/wire/cluster.js'
import { readControl } from '../../src/wire/control.js'
import { Envelopes } from '../../src/wire/envelope.js'
import {
  type IncomingMessage,
  readHeader,
  readMessages,
  UnknownVersionError,
} from '../../src/wire/frame.js'
import { MalformedFrameError, MsgpackReader } from '../../src/wire/msgpack.js'
import { Mutator } from './mutator.js'
import { checkSame, readFrame, UNDECODABLE } from './oracle.js'
import { HANG_MS, INPUTS, keep, readCases, report, SEED } from './plan.js'

const INPUTS_PER_TURN = 1_000

const envelopes = new Envelopes()
const figures = { inputs: 0, frames: 0, refused: 0, messages: 0, messagesRefused: 0 }

/** What a read throws if it refuses; anything else goes on. */
function refusal(read: () => unknown): unknown {
  try {
    read()
    return undefined
  } catch (error) {
    if (error instanceof MalformedFrameError || error instanceof UnknownVersionError) return error
    throw error
  }
}

/** Reads a body as a node does, and compares all that it takes with what the oracle reads. */
function check(body: Buffer): void {
  figures.inputs++
  const began = performance.now()
  const reader = new MsgpackReader(body)
  const isRefused = refusal(() => {
    const { uid, seq } = readHeader(reader)
    const messages = readMessages(reader, uid)
    const said = readFrame(body)
    checkSame([said?.uid, said?.seq, said?.messages.length], [uid, seq, messages.length], 'frame')
    for (let i = 0; i < messages.length; i++) {
      figures.messages++
      const message = said?.messages[i] as unknown[]
      if (refusal(() => checkMessage(messages.at(i), message))) figures.messagesRefused++
    }
  })
  if (isRefused) figures.refused++
  else figures.frames++
  if (performance.now() - began > HANG_MS) throw new Error('it hangs')
}

function checkMessage(message: IncomingMessage, said: unknown[]): void {
  checkSame([message.type, message.fields], [said[0], said.length - 1], 'message')
  const { reader } = message
  const start = reader.pos
  const control = readControl(message)
  if (control !== undefined) {
    return checkSame(Object.values(control), said, 'control message')
  }
  reader.pos = start
  if (message.type === MessageType.BROADCAST) return checkBroadcast(message, said)
  const { nsp, data } = readClusterMessage(message)
  checkSame([nsp, data], said.slice(1), 'cluster message')
}

function checkBroadcast(message: IncomingMessage, said: unknown[]): void {
  const broadcast = new Broadcast(message, envelopes.read(message))
  const [, nsp, rooms, except, flags, encoding, payload, requestId] = said
  checkSame(
    [broadcast.nsp, broadcast.rooms, broadcast.except, broadcast.isEncoded, broadcast.requestId],
    [nsp, new Set(rooms as []), new Set(except as []), encoding === 1, requestId],
    'envelope',
  )
  if (flags !== UNDECODABLE) checkSame({ ...(flags as object), ...broadcast.flags }, flags, 'flags')
  checkSame(encoding === 1 ? broadcast.parts() : broadcast.data(), payload, 'payload')
}

it(`reads ${INPUTS} frames, good and bad, as msgpack-lite does, or refuses them`, {
  timeout: 60_000 + INPUTS,
}, async () => {
  const mutator = new Mutator(SEED)
  const startedAt = performance.now()
  for (let i = 0; i < INPUTS; i++) {
    if (i % INPUTS_PER_TURN === 0) await nextTurn()
    const body = mutator.next()
    try {
      check(body)
    } catch (error) {
      throw keep('decoder', [body], error)
    }
  }
  report('the frame decoder', startedAt, figures)
  // nothing would be found by inputs that are all refused at their first byte
  expect(figures.frames).toBeGreaterThan(INPUTS / 10)
  expect(figures.messages - figures.messagesRefused).toBeGreaterThan(INPUTS / 10)
})

it.each(readCases())('reads what has been read wrongly once: %s', (_, bodies) => {
  for (const body of bodies) check(body)
})
