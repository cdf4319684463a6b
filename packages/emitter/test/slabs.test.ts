import { describe, expect, it } from 'vitest'
import { Slabs } from '../src/bus/slabs.js'

const bytes = (length: number, fill: number) => Buffer.alloc(length, fill)
const KIB = 1024

describe('slabs', () => {
  it('keep copies, which what was copied does not change', () => {
    const slabs = new Slabs()
    const given = Buffer.from('one')
    const kept = slabs.keep(given)
    given.fill(0)
    expect(String(kept)).toBe('one')
  })

  it('put many copies into one piece of memory, and none over another', () => {
    const slabs = new Slabs()
    const kept = [1, 2, 3].map((fill) => slabs.keep(bytes(100 * KIB, fill)))
    expect(new Set(kept.map(({ buffer }) => buffer)).size).toBe(1)
    for (const [i, copy] of kept.entries()) expect(copy.equals(bytes(100 * KIB, i + 1))).toBe(true)
  })

  it('leave what is large where it is', () => {
    const slabs = new Slabs()
    const large = bytes(200 * KIB, 1)
    expect(slabs.keep(large)).toBe(large)
    slabs.release(large)
    expect(String(slabs.keep(Buffer.from('small')))).toBe('small')
  })

  it('use the same memory again when what was in it is released', () => {
    const slabs = new Slabs()
    const memories = new Set<ArrayBufferLike>()
    const kept: Buffer[] = []
    for (let i = 0; i < 1000; i++) {
      kept.push(slabs.keep(bytes(100 * KIB, i % 256)))
      memories.add(kept.at(-1)!.buffer)
      if (kept.length > 30) slabs.release(kept.shift()!)
      // what is not released is what it was
      expect(kept[0]!.equals(bytes(100 * KIB, (i - kept.length + 1) % 256))).toBe(true)
    }
    // 30 copies fill three pieces, a fourth is filled and a fifth emptied
    expect(memories.size).toBeLessThanOrEqual(5)
  })

  it('begin their only piece anew when nothing in it is needed any more', () => {
    const slabs = new Slabs()
    const first = slabs.keep(Buffer.from('first'))
    slabs.release(first)
    const second = slabs.keep(Buffer.from('second'))
    expect(second.buffer).toBe(first.buffer)
    expect(second.byteOffset).toBe(first.byteOffset)
  })
})
