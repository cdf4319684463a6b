/**
 * The broker of this project, in a process of its own.
 */
import { Broker } from 'zmq-broker'
import { serve } from '../calls.js'
import type { MiddleApi } from '../systems.js'

const broker = new Broker({ pub: 0, sub: 0 })
await broker.start()

serve<MiddleApi>({
  address: () => ({ middle: { kind: 'broker', ...broker.endpoints }, pid: process.pid }),
})
