import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { freePort } from '../support/ports.js'
import { count, summary, tell } from './support/report.js'
import { Stage } from './support/stage.js'
import { Tunnel } from './support/tunnel.js'

const SECONDS = 100
/** Of each sender. */
const PER_SECOND = 500

let stage: Stage
afterEach(() => stage.stop())

test.each([1, 2])(
  'with %d brokers, nothing is lost in a storm of all troubles at once',
  {
    timeout: 600_000,
  },
  async (brokers) => {
    const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31))
    tell(`a storm over ${brokers} brokers, again with CHAOS_SEED=${seed}`)
    const random = randomFrom(seed)
    const upTo = (max: number) => Math.floor(random() * max)
    const pick = <T>(from: readonly T[]) => from[upTo(from.length)] as T

    stage = await Stage.start({ brokers })
    const pairs = await Promise.all(
      stage.brokers.map(async (broker) => ({
        pub: await Tunnel.open(await freePort(), broker.pub),
        sub: await Tunnel.open(await freePort(), broker.sub),
        emitterSub: await Tunnel.open(await freePort(), broker.emitterSub ?? broker.sub),
      })),
    )
    const tunnels = pairs.flatMap(({ pub, sub, emitterSub }) => [pub, sub, emitterSub])
    const through = (sub: 'sub' | 'emitterSub') =>
      pairs.map((pair) => ({
        pub: `tcp://127.0.0.1:${pair.pub.port}`,
        sub: `tcp://127.0.0.1:${pair[sub].port}`,
      }))
    const nodes = [
      await stage.addNode('a'),
      await stage.addNode('b'),
      await stage.addNode('far', { zmq: { brokers: through('sub') } }),
    ]
    await stage.addEmitter('e')
    await stage.addEmitter('far e', { brokers: through('emitterSub') })
    for (const node of nodes) await stage.addClients(node, 2)
    await stage.settled()
    await stage.startLoad(PER_SECOND)

    const happened: Record<string, number> = {}
    const troubles: Record<string, () => Promise<void>> = {
      'broker killed': async () => {
        const broker = pick(stage.brokers)
        await stage.killBroker(broker)
        await sleep(upTo(2_000))
        await stage.restartBroker(broker)
      },
      'broker frozen': async () => {
        const { process } = pick(stage.brokers)
        process.signal('SIGSTOP')
        await sleep(upTo(3_000))
        process.signal('SIGCONT')
      },
      'node or emitter frozen': async () => {
        const process = pick([...nodes, ...stage.emitters])
        process.signal('SIGSTOP')
        await sleep(upTo(3_000))
        process.signal('SIGCONT')
      },
      'connection cut': async () => pick(tunnels).cut(),
      'connection held up': async () => {
        const tunnel = pick(tunnels)
        tunnel.hold()
        await sleep(upTo(2_000))
        if (upTo(2) === 0) tunnel.cut()
        tunnel.release()
      },
      'connection slow': async () => {
        pick(tunnels).delayMs = upTo(2) * upTo(200)
      },
      'connection refused': async () => {
        const tunnel = pick(tunnels)
        await tunnel.refuse()
        await sleep(upTo(2_000))
        await tunnel.accept()
      },
    }
    const endsAt = performance.now() + SECONDS * 1_000
    while (performance.now() < endsAt) {
      const name = pick(Object.keys(troubles))
      happened[name] = (happened[name] ?? 0) + 1
      await troubles[name]!()
      if (upTo(3) > 0) await sleep(upTo(500))
    }
    for (const tunnel of tunnels) tunnel.delayMs = 0
    await stage.settled()
    const figures = await stage.expectNothingLost()
    const what = Object.entries(happened).map(([name, times]) => `${name} ${count(times)}`)
    tell(`a storm over ${brokers} brokers: ${what.join(', ')}: ${summary(figures)}`)
    expect(figures.messages).toBeGreaterThan(0)
    await Promise.all(tunnels.map((tunnel) => tunnel.refuse()))
  },
)

/** Numbers from 0 to 1 that are the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    // mulberry32, by Tommy Ettinger; public domain
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
