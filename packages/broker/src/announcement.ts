import { type Endpoint, isLocal, isWildcard, parseEndpoint } from './endpoint.js'
import type { BrokerEndpoints } from './forwarder.js'

const anyHost = 'HOST'
const columns = 80

/** The keys of a broker that has some, for {@link announce}. */
export interface AnnouncedKeys {
  readonly publicKey: string
  readonly authorizedKeys?: string | undefined
  readonly nodes?: number
  readonly emitters?: number
}

/** What the command prints when the broker listens: where, and a line to paste into a server. */
export function announce(
  version: string,
  endpoints: BrokerEndpoints,
  keys?: AnnouncedKeys,
): string {
  const { pub, sub, emitterSub } = endpoints
  const lines = [
    `zmq-broker ${version}`,
    `  publishers connect to   ${pub}`,
    `  subscribers connect to  ${sub}`,
  ]
  if (emitterSub !== undefined) lines.push(`  emitters subscribe at   ${emitterSub}`)
  if (keys !== undefined) {
    const { publicKey, authorizedKeys, nodes = 0, emitters = 0 } = keys
    lines.push(
      `  public key              ${publicKey}`,
      `  authorised              ${count(nodes, 'server')} and ${count(emitters, 'emitter')} (${authorizedKeys})`,
    )
  }
  lines.push('', 'In a Socket.IO server:', '', ...adapterLines(endpoints, keys))
  if (emitterSub !== undefined) {
    lines.push('', 'In an emitter:', '', ...emitterLines({ pub, sub: emitterSub }, keys))
  }
  if ([pub, sub].some(isOnEveryAddress)) {
    lines.push('', `with the name or address of this machine in place of ${anyHost}.`)
  }
  return lines.join('\n')
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

/** One line if others than this machine's own processes can reach the broker. */
export function warning({ pub, sub }: BrokerEndpoints): string | undefined {
  const local = [pub, sub].every((endpoint) => isLocal(endpointOf(endpoint)))
  return local
    ? undefined
    : 'unencrypted: anyone who reaches these ports can read and send anything'
}

function adapterLines(endpoints: BrokerEndpoints, keys?: AnnouncedKeys): string[] {
  return callLines(
    'io.adapter(zmqAdapter(',
    '))',
    endpoints,
    keys && curveOption(keys, 'server.key'),
  )
}

function emitterLines(endpoints: BrokerEndpoints, keys?: AnnouncedKeys): string[] {
  return callLines('new Emitter(', ')', endpoints, keys && curveOption(keys, 'emitter.key'))
}

function curveOption({ publicKey }: AnnouncedKeys, secretKey: string): string {
  return `curve: { serverKey: '${publicKey}', secretKey: '${secretKey}' }`
}

function callLines(
  head: string,
  tail: string,
  endpoints: BrokerEndpoints,
  curve?: string,
): string[] {
  const options = adapterOptions(endpoints)
  const line = `  ${head}{ ${options} }${tail}`
  if (curve === undefined && line.length <= columns) return [line]
  const more = curve === undefined ? [] : [`    ${curve},`]
  return [`  ${head}{`, `    ${options},`, ...more, `  }${tail}`]
}

function adapterOptions(endpoints: BrokerEndpoints): string {
  const pub = endpointOf(endpoints.pub)
  const sub = endpointOf(endpoints.sub)
  if (pub.transport === 'tcp' && sub.transport === 'tcp' && pub.host === sub.host) {
    const host = isWildcard(pub.host) ? anyHost : pub.host
    return `host: '${host}', pubPort: ${pub.port}, subPort: ${sub.port}`
  }
  return `brokers: [{ pub: '${reachable(endpoints.pub)}', sub: '${reachable(endpoints.sub)}' }]`
}

function reachable(endpoint: string): string {
  return endpoint.replace(/^(tcp:\/\/)(?:0\.0\.0\.0|\[::\]):/, `$1${anyHost}:`)
}

function isOnEveryAddress(text: string): boolean {
  const endpoint = endpointOf(text)
  return endpoint.transport === 'tcp' && isWildcard(endpoint.host)
}

function endpointOf(text: string): Endpoint {
  const endpoint = parseEndpoint(text)
  if (endpoint === undefined) throw new TypeError(`${text} is no endpoint`)
  return endpoint
}
