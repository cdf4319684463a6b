import { VirtualClock } from './simulation/clock.js'
import { Network } from './simulation/network.js'
import { makePlan, type SenderPlan, type Trouble } from './simulation/plan.js'
import type { Process } from './simulation/process.js'
import { Random } from './simulation/random.js'
import { SimulatedReceiver } from './simulation/receiver.js'
import { mayBeUntold } from './simulation/record.js'
import { bucketOfTopic, bucketTopic, EVERYONE, SimulatedSender } from './simulation/sender.js'
import { check, type World } from './simulation/world.js'

/** How long before a connection breaks it begins to lose what is sent. */
const FADING_MS = 30
/** How long after the trouble is over everything must have been settled. */
const SETTLING_MS = 60_000
/** How long after the last frame of a topic its last digest is said. */
const LAST_DIGEST_MS = 12_000
const MAX_EVENTS = 500_000

/** What has happened in a schedule, in numbers. */
export const FIGURES = [
  /** Messages of the network that were lost on every way. */
  'lost',
  'delivered',
  /** Those of them that were for a bucket. */
  'directed',
  /** Times that a receiver began to follow a bucket. */
  'followed',
  /** Frames sent again. */
  'repaired',
  'duplicates',
  /** Frames that receivers have counted as lost. */
  'gaps',
  /** Frames that senders gave up before they were sent. */
  'overflown',
  'naks',
  'asks',
  'ticks',
  /** Receivers that held back as much as they may. */
  'overfull',
  'events',
] as const
export type Figures = Record<(typeof FIGURES)[number], number>

/**
 * Runs a random schedule: senders and receivers with real journals, digest schedules and inboxes, on
 * a network that loses, duplicates and delays what they say, while links are cut and processes
 * stopped and killed. Then all is calm, and everything must come right.
 *
 * @param seed - the same schedule for the same seed
 * @param log - told the story
 * @throws Error if one of the guarantees does not hold
 */
export function simulate(seed: number, log?: (line: string) => void): Figures {
  const random = new Random(seed)
  const plan = makePlan(random)
  const clock = new VirtualClock()
  const network = new Network(plan.network, clock, random)
  const world: World = {
    plan,
    clock,
    random,
    network,
    senders: [],
    receivers: [],
    log: log && ((line) => log(`${String(clock.now).padStart(6)} ${line}`)),
  }
  log?.(JSON.stringify(plan, (key, value) => (key === 'words' ? value.length : value)))
  prepare(world)
  while (clock.step()) {
    check(clock.events <= MAX_EVENTS, 'events without end')
  }
  for (const sender of world.senders) if (!sender.isDead) sender.checkAtEnd()
  for (const receiver of world.receivers) checkAtEnd(world, receiver)
  return figures(world)
}

function prepare(world: World): void {
  const { plan, clock } = world
  plan.receivers.forEach((receiverPlan, index) => {
    const receiver = new SimulatedReceiver(world, index, receiverPlan)
    world.receivers.push(receiver)
    clock.at(receiverPlan.attachAt, () => {
      receiver.isAttached = true
    })
    clock.at(receiverPlan.readyAt, () => receiver.handle(() => receiver.linkUp()))
    for (const { bucket, from, to, delayMs } of receiverPlan.stays) {
      clock.at(from, () => receiver.handle(() => receiver.follow(bucket, delayMs)))
      if (to > plan.calmAt + SETTLING_MS) continue
      clock.at(to, () => receiver.handle(() => receiver.unfollow(bucket)))
    }
  })
  plan.senders.forEach((_, index) => {
    prepareSender(world, index)
  })
  for (const trouble of plan.troubles) prepareTrouble(world, trouble)
  clock.at(plan.calmAt, () => calm(world))
}

function prepareSender(world: World, index: number): void {
  const { plan, clock, receivers, senders } = world
  const senderPlan = plan.senders[index]!
  const { startAt, upAt, diesAt, words, looksAt } = senderPlan
  clock.at(startAt, () => {
    const sender = new SimulatedSender(world, receivers.length + index, senderPlan)
    senders.push(sender)
    clock.at(upAt, () => sender.handle(() => sender.linkUp()))
    if (diesAt !== undefined) clock.at(diesAt, () => sender.die())
    for (const { at, to, bytes } of words) {
      const topic = topicOf(receivers, to)
      clock.at(at, () => sender.handle(() => sender.say(topic, bytes)))
    }
    for (const at of looksAt) clock.at(at, () => sender.handle(() => sender.look()))
    if (plan.ending !== 'digests') return
    // the last of each topic may be lost, but not the last digest that follows
    const lastAt = Math.max(startAt, plan.calmAt - world.random.int(0, LAST_DIGEST_MS - 1))
    clock.at(lastAt, () => sender.handle(() => sayMore(sender)))
  })
}

function topicOf(receivers: SimulatedReceiver[], to: SenderPlan['words'][number]['to']): string {
  if (to === 'everyone') return EVERYONE
  return 'bucket' in to ? bucketTopic(to.bucket) : receivers[to.receiver]!.ownTopic
}

function prepareTrouble(world: World, trouble: Trouble): void {
  const { kind, target, from, to } = trouble
  const { clock, network, receivers, senders } = world
  if (kind === 'broker') {
    clock.at(from, () => network.broker(target, true))
    return clock.at(to, () => network.broker(target, false))
  }
  /** Does something with the process, if it is there by then. */
  const at = (time: number, run: (process: Process) => void) =>
    clock.at(time, () => {
      const process = [...receivers, ...senders].find(({ index }) => index === target)
      if (process !== undefined) run(process)
    })
  if (kind === 'freeze') {
    at(from, (process) => process.freeze())
    return at(to, (process) => process.thaw())
  }
  at(from - FADING_MS, (process) => {
    process.isFading = true
  })
  at(from, (process) => process.cut())
  at(to, (process) => process.restore())
}

/** All trouble is over; what was lost last comes to light. */
function calm(world: World): void {
  const { plan, clock, random, network, receivers, senders, log } = world
  log?.(`all is calm, and then: ${plan.ending}`)
  network.calm()
  const processes: Process[] = [...receivers, ...senders]
  for (const process of processes) {
    process.thaw()
    process.restore()
  }
  const later = (run: () => void) => clock.after(random.int(0, 100), run)
  if (plan.ending === 'more is said') {
    for (const sender of senders) later(() => sender.handle(() => sayMore(sender)))
  } else if (plan.ending !== 'digests') {
    for (const process of plan.ending === 'senders reconnect' ? senders : receivers) {
      later(() => process.cut())
      clock.after(200, () => process.restore())
    }
  }
  clock.after(SETTLING_MS + patienceWithTheDead(world), () => {
    for (const receiver of receivers) {
      const { index, inbox } = receiver
      check(!inbox.isWaiting, `receiver ${index} still waits, long after all is calm`)
      receiver.setAlarm()
    }
  })
}

function patienceWithTheDead({ plan, senders }: World): number {
  if (!senders.some(({ isDead }) => isDead)) return 0
  // what there was no room for is missed only when something else has been given up
  return 3 * (plan.inbox.unreachableTimeoutMs + plan.inbox.startTimeoutMs)
}

function sayMore(sender: SimulatedSender): void {
  for (const topic of sender.topics()) sender.say(topic, 1)
}

function checkAtEnd(world: World, receiver: SimulatedReceiver): void {
  const { index, inbox, records } = receiver
  check(!inbox.isWaiting, `receiver ${index} waits for ever`)
  check(inbox.heldFrames === 0, `receiver ${index} holds ${inbox.heldFrames} frames for ever`)
  check(inbox.heldBytes === 0, `receiver ${index} holds ${inbox.heldBytes} bytes of nothing`)
  check(inbox.nextTick() === undefined, `receiver ${index} has something to do for ever`)
  for (const sender of world.senders.filter(({ isDead }) => !isDead)) {
    for (const topic of sender.topics().filter((topic) => receiver.hears(topic))) {
      const last = sender.lastSent(topic)
      if (last === 0) continue
      const sentAt = sender.sentAt(topic, last) ?? 0
      const isFromBefore = sentAt < receiver.hearsFrom(topic)
      if (bucketOfTopic(topic) !== undefined && isFromBefore) continue
      const isHeard = records.has(`${sender.uid} ${topic}`)
      check(
        isHeard || mayBeUntold(world, sender, topic),
        `receiver ${index} has never heard of ${sender.uid} on ${topic}`,
      )
    }
  }
  let gaps = receiver.gapsElsewhere
  for (const record of records.values()) {
    record.checkAtEnd()
    gaps += record.gaps
  }
  check(inbox.lost === gaps, `${inbox.lost} frames are counted as lost, and told are ${gaps}`)
}

function figures({ network, senders, receivers, clock }: World): Figures {
  const sum = <T>(all: T[], count: (one: T) => number) =>
    all.reduce((total, one) => total + count(one), 0)
  const records = receivers.flatMap((receiver) => [...receiver.records.values()])
  return {
    lost: network.lost,
    delivered: sum(records, ({ delivered }) => delivered),
    directed: sum(records, (record) => (record.isOfBucket ? record.delivered : 0)),
    followed: sum(receivers, ({ followed }) => followed),
    repaired: sum(senders, ({ framesRepaired }) => framesRepaired),
    duplicates: sum(receivers, ({ duplicates }) => duplicates),
    gaps: sum(records, ({ gaps }) => gaps),
    overflown: sum(senders, ({ overflown }) => overflown),
    naks: sum(receivers, ({ naks }) => naks),
    asks: sum(receivers, ({ asks }) => asks),
    ticks: sum(receivers, ({ ticks }) => ticks),
    overfull: sum(receivers, ({ isOverfull }) => Number(isOverfull)),
    events: clock.events,
  }
}
