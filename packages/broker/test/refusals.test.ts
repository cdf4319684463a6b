import { describe, expect, it } from 'vitest'
import { type Refusal, RefusalLog } from '../src/refusals.js'

const MINUTE_MS = 60_000
const unknown: Refusal = {
  reason: 'unknown-key',
  door: 'sub',
  endpoint: 'tcp://127.0.0.1:5556',
  address: '127.0.0.1',
  publicKey: 'KEY',
}

describe('a refusal', () => {
  it('is told at once, and says who, where and why', () => {
    const told = new RefusalLog().add(unknown, 0)
    expect(told).toMatchObject({ ...unknown, count: 1 })
    expect(told?.message).toBe(
      'refused the key KEY from 127.0.0.1 at tcp://127.0.0.1:5556 (--sub): ' +
        'it is not in the folder of authorised keys',
    )
  })

  it('names the owner of a key that is for something else', () => {
    const told = new RefusalLog().add({ ...unknown, reason: 'role', role: 'emitter', name: 'w' }, 0)
    expect(told?.message).toContain('refused the emitter "w" with the key KEY from 127.0.0.1')
    expect(told?.message).toContain('its place to subscribe is --emitter-sub')
  })

  it('is told once a minute, with how often it has happened', () => {
    const log = new RefusalLog()
    log.add(unknown, 0)
    for (let at = 1; at < MINUTE_MS; at += 1000) expect(log.add(unknown, at)).toBeUndefined()
    const told = log.add(unknown, MINUTE_MS)
    expect(told?.count).toBe(61)
    expect(told?.message).toContain('61 times since it was last told')
  })

  it('is told apart by key, address, place and reason', () => {
    const log = new RefusalLog()
    log.add(unknown, 0)
    for (const other of [
      { publicKey: 'OTHER' },
      { address: '10.0.0.1' },
      { door: 'pub' },
      { reason: 'role' },
    ] as const) {
      expect(log.add({ ...unknown, ...other }, 0)).toBeDefined()
    }
  })

  it('of ever new keys is told of one by one for a while, and then once a minute', () => {
    const log = new RefusalLog()
    let told = 0
    for (let key = 0; key < 50_000; key++) {
      if (log.add({ ...unknown, publicKey: String(key) }, 0) !== undefined) told++
    }
    expect(told).toBeLessThanOrEqual(1001)
    expect(log.add({ ...unknown, publicKey: 'new' }, MINUTE_MS)).toBeDefined()
  })
})
