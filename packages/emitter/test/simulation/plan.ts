import type { InboxOptions } from '../../src/bus/inbox.js'
import type { JournalOptions } from '../../src/bus/journal.js'
import type { Random } from './random.js'

/** Longer than any schedule's trouble. */
export const PATIENT_MS = 600_000

export interface NetworkPlan {
  brokers: number
  /** How likely a broker loses a frame, and a control message. */
  dataLoss: number
  controlLoss: number
  duplication: number
  maxDelayMs: number
  /** Whether what goes the same way through the same broker stays in order. */
  keepsOrder: boolean
}

export interface SenderPlan {
  startAt: number
  /** When its link is up for the first time. */
  upAt: number
  /** When it dies, for good. */
  diesAt: number | undefined
  /** What it says: to a receiver, to a bucket, or to everyone. */
  words: { at: number; to: { receiver: number } | { bucket: number } | 'everyone'; bytes: number }[]
  /** How many buckets a frame to everyone names at most. */
  maxRequired: number
  /** When somebody looks at its stats, which expires its journal. */
  looksAt: number[]
  /** Up to how long a send takes; 0 for none. */
  maxSendMs: number
  maxRepairBytes: number
  journal: JournalOptions
}

export interface ReceiverPlan {
  /** When its subscriptions are in force. */
  attachAt: number
  readyAt: number
  /** Whether timers go before sockets when it is thawed. */
  timersFirst: boolean
  /** Whether it hears every bucket, or those of its stays. */
  isStatic: boolean
  /** When it follows a bucket, and how long it takes until that is in force. */
  stays: { bucket: number; from: number; to: number; delayMs: number }[]
}

/** Something that happens to a process, or to a broker. */
export interface Trouble {
  kind: 'cut' | 'freeze' | 'broker'
  /** Which of all processes or brokers. */
  target: number
  from: number
  to: number
}

export interface Plan {
  network: NetworkPlan
  senders: SenderPlan[]
  receivers: ReceiverPlan[]
  troubles: Trouble[]
  inbox: InboxOptions
  /** From here on nothing is lost, and who lives is there. */
  calmAt: number
  /** How what was lost last comes to light. */
  ending: 'digests' | 'more is said' | 'senders reconnect' | 'receivers reconnect'
  /** Whether nobody gives up before the trouble is over. */
  isPatient: boolean
  /** Whether nobody begins in the middle of a sequence because nobody told him where it starts. */
  isPatientAtStart: boolean
  /** Whether there are more senders than are remembered. */
  isCrowded: boolean
}

export function makePlan(random: Random): Plan {
  const calmAt = random.int(300, random.pick([1_000, 5_000, 20_000]))
  const brokers = random.int(1, 2)
  const buckets = random.pick([0, 1, 2, 4])
  const receivers = Array.from({ length: random.int(1, 2) }, () =>
    receiverPlan(random, calmAt, buckets),
  )
  const senders = Array.from({ length: random.int(1, 3) }, () =>
    senderPlan(random, calmAt, receivers.length, buckets),
  )
  const isPatient = random.chance(0.6)
  const isPatientAtStart = isPatient && senders.every(({ diesAt }) => diesAt === undefined)
  const isCrowded = senders.length > 1 && random.chance(0.05)
  return {
    network: {
      brokers,
      dataLoss: random.pick([0, 0.02, 0.1, 0.3, 0.6]),
      controlLoss: random.pick([0, 0, 0.1, 0.3, 0.6]),
      duplication: random.pick([0, 0, 0.05, 0.3]),
      maxDelayMs: random.pick([0, 2, 20, 200]),
      keepsOrder: random.chance(0.6),
    },
    senders,
    receivers,
    troubles: Array.from({ length: random.pick([0, 1, 1, 2, 4]) }, () =>
      trouble(random, calmAt, brokers, senders.length + receivers.length),
    ),
    inbox: {
      nakDelayMs: brokers > 1 ? random.pick([0, 40]) : 0,
      nakIntervalMs: random.pick([20, 100]),
      repairTimeoutMs: isPatient ? PATIENT_MS : random.int(200, 4_000),
      unreachableTimeoutMs: isPatient ? PATIENT_MS : random.int(100, 4_000),
      startTimeoutMs: isPatientAtStart ? PATIENT_MS : random.int(50, 2_000),
      forgetMs: random.pick([200, 2_000, 60_000]),
      maxHeldBytes: random.chance(0.6) ? 1_000_000 : random.int(10, 600),
      maxHeldBytesOfAll: 10_000_000,
      maxHeldFrames: 100_000,
      maxSenders: isCrowded ? senders.length - 1 : random.int(senders.length, 8),
    },
    calmAt,
    ending: random.pick(['digests', 'more is said', 'senders reconnect', 'receivers reconnect']),
    isPatient,
    isPatientAtStart,
    isCrowded,
  }
}

function receiverPlan(random: Random, calmAt: number, buckets: number): ReceiverPlan {
  const attachAt = random.chance(0.5) ? 0 : random.int(0, Math.floor(calmAt * 0.7))
  return {
    attachAt,
    readyAt: attachAt + (random.chance(0.5) ? 0 : random.int(0, 300)),
    timersFirst: random.chance(0.8),
    isStatic: random.chance(0.3),
    stays: Array.from({ length: buckets }, (_, bucket) => stays(random, bucket, calmAt)).flat(),
  }
}

/** Now and then in a bucket, one time after the other, and perhaps to the end. */
function stays(random: Random, bucket: number, calmAt: number): ReceiverPlan['stays'] {
  const stays: ReceiverPlan['stays'] = []
  let from = random.chance(0.3) ? 0 : random.int(0, calmAt)
  while (from <= calmAt) {
    const stayMs = random.int(1, random.pick([50, 1_000, 20_000]))
    const to = random.chance(0.3) ? Number.POSITIVE_INFINITY : from + stayMs
    stays.push({ bucket, from, to, delayMs: random.int(0, random.pick([0, 5, 100])) })
    from = to + random.int(1, random.pick([10, 2_000]))
  }
  return stays
}

function senderPlan(
  random: Random,
  calmAt: number,
  receivers: number,
  buckets: number,
): SenderPlan {
  const startAt = random.chance(0.4) ? 0 : random.int(0, Math.floor(calmAt * 0.8))
  const diesAt = random.chance(0.12) ? random.int(startAt, calmAt - 1) : undefined
  const count = random.int(1, random.pick([5, 20, 60]))
  const answers = random.pick([0, 0.2, 0.5])
  const directed = buckets === 0 ? 0 : random.pick([0.2, 0.5, 1])
  let at = random.int(startAt, calmAt)
  const words = Array.from({ length: count }, () => {
    // some in bursts, some alone
    if (random.chance(0.3)) at = random.int(startAt, calmAt)
    else at = Math.min(calmAt, at + random.int(0, 20))
    return { at, to: addressee(), bytes: random.int(1, 100) }
  })
  function addressee(): SenderPlan['words'][number]['to'] {
    if (random.chance(answers)) return { receiver: random.int(0, receivers - 1) }
    if (random.chance(directed)) return { bucket: random.int(0, buckets - 1) }
    return 'everyone'
  }
  const journal = random.pick(['large', 'large', 'small', 'brief'] as const)
  return {
    startAt,
    upAt: startAt + random.pick([0, 10, 500]),
    diesAt,
    words,
    maxRequired: random.int(1, 5),
    looksAt: Array.from({ length: random.int(0, 3) }, () => random.int(startAt, calmAt * 2)),
    maxSendMs: random.pick([0, 0, 5]),
    maxRepairBytes: random.pick([1, 200, 4 * 1024 * 1024]),
    journal: {
      maxBytes: journal === 'small' ? random.int(0, 1_500) : Number.MAX_SAFE_INTEGER,
      maxAgeMs: journal === 'brief' ? random.int(0, 3_000) : PATIENT_MS,
    },
  }
}

function trouble(random: Random, calmAt: number, brokers: number, processes: number): Trouble {
  const kind = random.pick(['cut', 'cut', 'freeze', 'freeze', 'broker'] as const)
  const from = random.int(0, calmAt)
  return {
    kind,
    target: random.int(0, (kind === 'broker' ? brokers : processes) - 1),
    from,
    to: random.int(from, random.pick([Math.min(calmAt, from + 500), calmAt])),
  }
}
