import { describe, expect, it } from 'vitest'
import { Sequences } from '../src/bus/sequences.js'

const MANY = 70_000

describe('the sequences of a sender', () => {
  it('number the frames of each topic from 1', () => {
    const sequences = new Sequences(() => false)
    expect([sequences.next('a'), sequences.next('a'), sequences.next('b')]).toEqual([1, 2, 1])
    expect([sequences.last('a'), sequences.last('c')]).toEqual([2, 0])
  })

  it('give a number again that was taken back', () => {
    const sequences = new Sequences((topic) => topic === 'steady')
    for (const topic of ['steady', 'a']) {
      sequences.next(topic)
      sequences.next(topic)
      sequences.takeBack(topic)
      expect(sequences.next(topic)).toBe(2)
    }
  })

  it('know the last that went out, and when, and never go back', () => {
    const sequences = new Sequences(() => false)
    for (let i = 0; i < 3; i++) sequences.next('a')
    sequences.pass('a', 2, 100)
    sequences.pass('a', 1, 200)
    expect(sequences.passed('a')).toEqual({ seq: 2, at: 100 })
    expect([sequences.lastPassed('a'), sequences.lastPassed('b')]).toEqual([2, 0])
  })

  it('forget the topic that was unused for longest, and never one that is steady', () => {
    const sequences = new Sequences((topic) => topic === 'steady')
    sequences.next('steady')
    sequences.next('old')
    sequences.pass('old', 1, 0)
    for (let i = 0; i < MANY; i++) sequences.next(`topic ${i}`)
    expect([sequences.last('steady'), sequences.last('old')]).toEqual([1, 0])
    expect(sequences.lastPassed('old')).toBe(0)
    expect([...sequences.steadyTopics()]).toEqual(['steady'])
  })
})
