/**
 * The broker of this project with keys (CURVE), in a process of its own, and the keys of a node.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatKeyFile, makeKeyPair, type Role } from 'socket.io-zeromq-emitter/keys'
import { Broker } from 'zmq-broker'
import { serve } from '../calls.js'
import type { MiddleApi } from '../systems.js'

const folder = mkdtempSync(join(tmpdir(), 'zmq-bench-'))
process.on('exit', () => rmSync(folder, { recursive: true }))
const own = writeKey('broker')
const node = writeKey('node')
const broker = new Broker({
  pub: 0,
  sub: 0,
  emitterSub: 0,
  curveKey: join(folder, 'broker.key'),
  authorizedKeys: folder,
})
await broker.start()

/** Writes the two files of a key, and returns it. */
function writeKey(role: Role) {
  const pair = makeKeyPair()
  const { publicKey } = pair
  const write = (ending: string, text: string) =>
    writeFileSync(join(folder, `${role}.${ending}`), text, { mode: 0o600 })
  write('key', formatKeyFile({ role, name: role, ...pair }, new Date()))
  // the broker's own is none that may connect
  if (role !== 'broker') write('pub', formatKeyFile({ role, name: role, publicKey }, new Date()))
  return pair
}

serve<MiddleApi>({
  address: () => {
    const { pub, sub } = broker.endpoints
    const curve = { serverKey: own.publicKey, secretKey: node.secretKey }
    return { middle: { kind: 'curve-broker', pub, sub, curve }, pid: process.pid }
  },
})
