import { type Endpoint, isLocal, isWildcard, parseEndpoint } from './endpoint.js'
import type { BrokerEndpoints } from './forwarder.js'

const anyHost = 'HOST'
const columns = 80

/** What the command prints when the broker listens: where, and a line to paste into a server. */
export function announce(version: string, endpoints: BrokerEndpoints): string {
  const { pub, sub } = endpoints
  const lines = [
    `zmq-broker ${version}`,
    `  publishers connect to   ${pub}`,
    `  subscribers connect to  ${sub}`,
    '',
    'In a Socket.IO server:',
    '',
    ...adapterLines(endpoints),
  ]
  if ([pub, sub].some(isOnEveryAddress)) {
    lines.push('', `with the name or address of this machine in place of ${anyHost}.`)
  }
  return lines.join('\n')
}

/** One line if others than this machine's own processes can reach the broker. */
export function warning({ pub, sub }: BrokerEndpoints): string | undefined {
  const local = [pub, sub].every((endpoint) => isLocal(endpointOf(endpoint)))
  return local
    ? undefined
    : 'unencrypted: anyone who reaches these ports can read and send anything'
}

function adapterLines(endpoints: BrokerEndpoints): string[] {
  const options = adapterOptions(endpoints)
  const line = `  io.adapter(zmqAdapter({ ${options} }))`
  return line.length <= columns ? [line] : ['  io.adapter(zmqAdapter({', `    ${options},`, '  }))']
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
