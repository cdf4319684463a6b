import { isIP } from 'node:net'

/** A place to listen. Port 0 is a free port of the system's choice. */
export type Endpoint =
  | { readonly transport: 'tcp'; readonly host: string; readonly port: number }
  | { readonly transport: 'ipc'; readonly path: string }

const tcpPattern = /^tcp:\/\/(?:\[([^[\]\s]+)\]|([^:/[\]\s]+)):(\d{1,5}|\*)$/
const ipcPattern = /^ipc:\/\/([^\s*].*)$/

/**
 * Reads `tcp://host:port` or `ipc://path`. An IPv6 host stands in square brackets; `*` is every
 * address as a host and a free port as a port, as in ZeroMQ.
 *
 * @returns undefined if the text is no such endpoint
 */
export function parseEndpoint(text: string): Endpoint | undefined {
  const path = ipcPattern.exec(text)?.[1]
  if (path !== undefined) return { transport: 'ipc', path }

  const [, bracketed, plain, portText] = tcpPattern.exec(text) ?? []
  const host = bracketed ?? plain
  if (host === undefined || (bracketed !== undefined && isIP(bracketed) !== 6)) return undefined
  const port = portText === '*' ? 0 : Number(portText)
  if (port > 65535) return undefined
  return { transport: 'tcp', host: host === '*' ? '0.0.0.0' : host, port }
}

/** The endpoint as ZeroMQ's `bind` takes it. */
export function formatEndpoint(endpoint: Endpoint): string {
  if (endpoint.transport === 'ipc') return `ipc://${endpoint.path}`
  const { host, port } = endpoint
  return `tcp://${host.includes(':') ? `[${host}]` : host}:${port === 0 ? '*' : port}`
}

/** Whether two sockets cannot both listen there. */
export function collide(one: Endpoint, other: Endpoint): boolean {
  if (one.transport === 'ipc' || other.transport === 'ipc') {
    return one.transport === 'ipc' && other.transport === 'ipc' && one.path === other.path
  }
  const sameHost = one.host === other.host || isWildcard(one.host) || isWildcard(other.host)
  return one.port !== 0 && one.port === other.port && sameHost
}

/** Whether the host stands for every address of the machine. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

/** Whether only this machine can reach the endpoint. */
export function isLocal(endpoint: Endpoint): boolean {
  if (endpoint.transport === 'ipc') return true
  return endpoint.host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(endpoint.host)
}
