/**
 * docs/scaling.md: a text around what the scale run has found.
 */
import { microseconds, NOTHING, whole } from '../columns.js'
import type { Circumstances } from '../record.js'
import type { LoadFinding, ScaleStep } from '../scale.js'
import { type Limits, limitsOf, modelOf, type ScaleModel } from '../scale-model.js'
import { type Chart, drawChart } from './charts.js'
import { describeCircumstances, GENERATED, markdownTable } from './markdown.js'

/** What the scale run leaves behind. */
export interface ScaleRecord extends Circumstances {
  steps: ScaleStep[]
}

const SIZES = [10, 100, 1_000] as const
/** Messages in a frame: each alone, or as many as a busy sender says in a turn. */
const FILLINGS = [1, 10, 100] as const

export function scalingPage(record: ScaleRecord): string {
  const { steps } = record
  const model = modelOf(steps)
  const last = steps.at(-1) as ScaleStep
  return `${GENERATED}

# Scaling

What a cluster costs as it grows from ${steps[0]?.nodes} nodes to ${last.nodes}, and how to reckon what a larger one would.
[How it is measured](../bench/README.md#from-2-nodes-to-64).

${describeCircumstances(record)}

One node sends texts of 60 bytes to one room, and all others receive; several of them share a process, since
the machine has ${record.machine.cores} cores. So the _rates_ below are those of all nodes, the broker and the sender on these
cores together, and fall as nodes are added. The _costs_ are what carries over.

## The nodes

A node says each message once, to the broker, however many nodes there are: its CPU time for a message
in bursts of 100 was ${microseconds((steps[0] as ScaleStep).loads.full.senderCpu)} µs with ${(steps[0] as ScaleStep).nodes} nodes and ${microseconds(last.loads.full.senderCpu)} µs with ${last.nodes}. What it grows by is not work for other
nodes: all of them take turns on the same ${record.machine.cores} cores, and each finds its caches used by the others. The
sender does not gather what it says in several turns of its event loop, as it otherwise would: so a frame holds a
burst.

![CPU time per message against the number of nodes](images/scaling-nodes.svg)

${loadTable('Bursts of 100 messages', steps, ({ loads }) => loads.full)}

${loadTable('Bursts of 5 messages', steps, ({ loads }) => loads.small)}

${loadTable('Bursts of 100 messages, to a room in which nobody is', steps, ({ loads }) => loads.unmatched)}

## The broker pays for each frame and node

What leaves the broker is what comes in, times the number of nodes. What it spends on reading a frame is
shared by all nodes to which the frame goes, and counts the less the more they are.

![CPU time of the broker per frame passed on](images/scaling-broker.svg)

## Joining

${markdownTable(
  [
    'nodes',
    'topics subscribed to',
    'all at once, until all see all, ms',
    'one more, until ready, ms',
    'one more, until it sees all, ms',
    'broker MB',
  ],
  steps.map((step) => [
    `${step.nodes}`,
    whole(step.subscriptions),
    whole(step.stormMs),
    step.newcomerReadyMs.toFixed(1),
    step.newcomerCompleteMs.toFixed(1),
    step.brokerMemory === undefined ? NOTHING : whole(step.brokerMemory),
  ]),
)}

![Time to join against the number of nodes](images/scaling-joining.svg)

A node subscribes to three topics, and one of them is its own: a cluster of _n_ nodes has _n_ + 2 topics. Each
node's own topic is told to each node, so when all start at once, _n_² notices pass the broker: at ${last.nodes} nodes
that took ${whole((last.stormMs * 1e3) / last.nodes ** 2)} µs for each, the start of the nodes themselves included.
${model === undefined ? '' : modelSection(model)}`
}

function modelSection(model: ScaleModel): string {
  const filled = (count: number) => `${count} ${count === 1 ? 'message' : 'messages'} in a frame`
  const rows = FILLINGS.flatMap((filling) =>
    SIZES.map((nodes) => {
      const limits = limitsOf(model, nodes, filling)
      return [
        `${whole(nodes)} nodes, ${filled(filling)}`,
        whole(limits.broker),
        whole(limits.node),
        whole(limits.network),
        firstOf(limits),
      ]
    }),
  )
  const example = limitsOf(model, 1_000, 1)
  return `
## A model

Costs in microseconds of CPU time on this machine, from the tables above by least squares over all steps; for
the broker over those from 8 nodes on.

${markdownTable(
  ['', 'µs'],
  [
    ['_s_: a node says a message', microseconds(model.sayMessage)],
    ['_S_: a node says a frame', microseconds(model.sayFrame)],
    ['_h_: a node hears a message for one client', microseconds(model.hearMatched)],
    ['_u_: a node hears a message for nobody', microseconds(model.hearUnmatched)],
    ['_H_: a node hears a frame', microseconds(model.hearFrame)],
    ['_p_: the broker passes a frame to a node', microseconds(model.passFrame)],
    ['_P_: and each kilobyte of it', microseconds(model.passKilobyte)],
  ],
)}

Let a cluster of _n_ nodes say _m_ messages per second in all, _k_ of them in a frame (what a node says on one
topic in one turn of its event loop goes into one frame), of _b_ kilobytes each with its envelope (${(model.messageBytes / 1e3).toFixed(2)} for
a text of 60 bytes). Every second

- the broker takes _n_ · _m_/_k_ · (_p_ + _P_ · _k_ · _b_) µs, and sends _n_ · _m_ · _b_ kilobytes;
- a node takes _m_/_k_ · _H_ + _m_ · _u_ µs for what the others say, _h_ − _u_ more for each message that it has a
  client for, and _s_ + _S_/_k_ for each that it says itself. What its own clients' connections cost comes on top.

A core is full at 1,000,000 µs. A node adds ${model.nodeMegabytes.toFixed(1)} MB to its process before it has clients; its
[bounds](guarantees.md#memory) do not depend on the number of nodes.

## What fills first

Messages per second of the whole cluster that fill one core of the broker, one core of a node that has no
client for any of them, or a network of 10 Gbit/s at the broker's way out, by the model. Texts of 60 bytes, every
message to every node.

${markdownTable(['', "broker's core", "a node's core", '10 Gbit/s', 'first'], rows)}

With 1,000 nodes and every message in a frame of its own, the ${firstOf(example)} is full at
${whole(Math.min(example.broker, example.node, example.network))} messages per second. Several brokers make a cluster safer and not faster: each of them carries all
traffic. A cluster that is too large for one is split by \`key\`, with a broker for each part.

Where rooms live on few of the nodes, [dynamic mode](../packages/adapter/README.md#with-many-servers) takes the _n_
out of most of this: a frame passes to the nodes that have its room
([measured with 100 nodes](benchmarks.md#many-rooms-static-and-dynamic)).
`
}

function firstOf({ broker, node, network }: Limits): string {
  const least = Math.min(broker, node, network)
  return least === broker ? 'broker' : least === node ? 'node' : 'network'
}

function loadTable(
  title: string,
  steps: readonly ScaleStep[],
  pick: (step: ScaleStep) => LoadFinding,
): string {
  return `### ${title}

${markdownTable(
  [
    'nodes',
    'messages/s at each',
    'sender µs',
    'receiver µs',
    'messages per frame',
    'broker frames/s out',
    'broker MB/s out',
    'broker µs per frame out',
  ],
  steps.map((step) => {
    const load = pick(step)
    return [
      `${step.nodes}`,
      whole(load.rate),
      microseconds(load.senderCpu),
      microseconds(load.receiverCpu),
      whole(load.messagesPerFrame),
      whole(load.brokerFramesOut),
      whole(load.brokerMegabytesOut),
      load.brokerCpu === undefined ? NOTHING : microseconds(load.brokerCpu),
    ]
  }),
)}`
}

/** The charts of docs/scaling.md, by their files' names. */
export function scalingCharts(steps: readonly ScaleStep[]): Record<string, string> {
  const line = (name: string, pick: (step: ScaleStep) => number | undefined) => ({
    name,
    values: steps.map(pick),
  })
  const common = {
    kind: 'lines',
    categories: steps.map(({ nodes }) => `${nodes}`),
    categoryName: 'nodes',
  } as const
  const nodes: Chart = {
    ...common,
    title: 'CPU time of a node per message',
    unit: 'microseconds',
    series: [
      line('says it, bursts of 100', ({ loads }) => loads.full.senderCpu),
      line('says it, bursts of 5', ({ loads }) => loads.small.senderCpu),
      line('hears it, bursts of 100', ({ loads }) => loads.full.receiverCpu),
      line('hears it for nobody', ({ loads }) => loads.unmatched.receiverCpu),
    ],
  }
  const broker: Chart = {
    ...common,
    title: 'CPU time of the broker for each frame and node that it goes to',
    unit: 'microseconds, on a logarithmic scale',
    isLogarithmic: true,
    series: [
      line('bursts of 100', ({ loads }) => loads.full.brokerCpu),
      line('bursts of 5', ({ loads }) => loads.small.brokerCpu),
    ],
  }
  const joining: Chart = {
    ...common,
    title: 'Time to join',
    unit: 'milliseconds, on a logarithmic scale',
    isLogarithmic: true,
    series: [
      line('all at once, until all see all', ({ stormMs }) => stormMs),
      line('one more, until it sees all', ({ newcomerCompleteMs }) => newcomerCompleteMs),
    ],
  }
  return {
    'scaling-nodes.svg': drawChart(nodes),
    'scaling-broker.svg': drawChart(broker),
    'scaling-joining.svg': drawChart(joining),
  }
}
