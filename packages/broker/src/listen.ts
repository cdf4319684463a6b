import { lookup } from 'node:dns/promises'
import { chmodSync } from 'node:fs'
import { lstat } from 'node:fs/promises'
import { connect, isIP, isIPv4, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { isMainThread } from 'node:worker_threads'
import { capability, type Socket } from 'zeromq'
import { type Endpoint, formatEndpoint } from './endpoint.js'
import { BrokerBindError } from './errors.js'
import type { Binding } from './options.js'
import type { Door } from './refusals.js'

// unix(7): the path of a socket and its closing zero fill 108 bytes at most, 104 on macOS and BSD.
const maxPathBytes = process.platform === 'linux' ? 107 : 103

/** A place to listen, with the host in numbers. */
export interface Place extends Binding {
  /** The option that says where it is. */
  readonly door: Door
}

/**
 * Looks up the host of a place.
 *
 * @throws {BrokerBindError} if it is none of this machine
 */
export async function locate(door: Door, binding: Binding): Promise<Place> {
  const { endpoint } = binding
  if (endpoint.transport === 'ipc') return { ...binding, door }
  try {
    const host = await addressOf(endpoint.host)
    return { ...binding, door, endpoint: { ...endpoint, host } }
  } catch (cause) {
    throw bindError(door, binding, cause)
  }
}

/**
 * Binds the socket.
 *
 * @returns the endpoint in numbers, with the port that the system picked where it was 0
 * @throws {BrokerBindError} if the socket cannot listen there
 */
export async function listen(
  socket: Socket & { readonly lastEndpoint: string | null },
  place: Place,
): Promise<string> {
  const { endpoint } = place
  const address = formatEndpoint(endpoint)
  try {
    if (endpoint.transport === 'ipc') {
      await assertPathIsFree(endpoint.path)
      bindForOwner(socket, endpoint.path)
    } else {
      socket.ipv6 = isIPv6(endpoint.host)
      await socket.bind(address)
    }
  } catch (cause) {
    throw bindError(place.door, place, cause)
  }
  return socket.lastEndpoint ?? address
}

/**
 * Binds to a path that only the user of this process can connect to, from the moment it is there. The
 * mask is the whole process's: nothing else may run meanwhile.
 */
function bindForOwner(socket: Socket, path: string): void {
  const address = `ipc://${path}`
  // In a worker thread the mask cannot be set.
  if (!isMainThread) {
    socket.bindSync(address)
    if (!path.startsWith('@')) chmodSync(path, 0o600)
    return
  }
  const mask = process.umask(0o177)
  try {
    socket.bindSync(address)
  } finally {
    process.umask(mask)
  }
}

function bindError(door: Door, { endpoint, hostOption }: Binding, cause: unknown): BrokerBindError {
  const address = formatEndpoint(endpoint)
  const code = codeOf(cause)
  const failure = failures[code]?.(endpoint)
  const [problem, remedy, about = door] = failure ?? [
    `cannot listen on ${address} (${cause instanceof Error ? cause.message : code})`,
    'choose another endpoint with',
  ]
  const write = (name: string) => `${problem}: ${remedy} ${name}`
  return new BrokerBindError(about === 'host' ? hostOption : about, address, code, write, cause)
}

/** ZeroMQ binds to addresses and interfaces; it does not look up names such as `localhost`. */
async function addressOf(host: string): Promise<string> {
  if (isIP(host) !== 0) return host
  const found = networkInterfaces()[host] ?? (await lookup(host, { all: true }))
  const addresses = found.map(({ address }) => address)
  return addresses.find(isIPv4) ?? addresses[0] ?? host
}

/**
 * ZeroMQ deletes whatever it finds at an ipc path before it binds: a file of the user's, or the
 * socket of a broker that runs. Only a socket that nobody listens on any more may go.
 */
async function assertPathIsFree(path: string): Promise<void> {
  if (capability.ipc !== true) throw systemError('ENOTSUP')
  if (Buffer.byteLength(path) > maxPathBytes) throw systemError('ENAMETOOLONG')
  // A path in Linux's abstract namespace is no file.
  if (path.startsWith('@')) return
  const stats = await lstat(path).catch(() => undefined)
  if (stats === undefined) return
  if (!stats.isSocket()) throw systemError('EEXIST')
  if (await answers(path)) throw systemError('EADDRINUSE')
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(path)
    connection.once('connect', () => {
      connection.destroy()
      resolve(true)
    })
    connection.once('error', (error) => resolve(codeOf(error) !== 'ECONNREFUSED'))
  })
}

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code })
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException | null)?.code ?? 'unknown')
}

/** What happened, what to do about it (the option's name follows), and the option if it is another. */
type Failure = readonly [problem: string, remedy: string, about?: 'host']

const failures: Record<string, (endpoint: Endpoint) => Failure> = {
  EADDRINUSE: (endpoint) =>
    endpoint.transport === 'ipc'
      ? [
          `${endpoint.path} is already in use`,
          'stop what listens there, or choose another path with',
        ]
      : [
          `port ${endpoint.port} on ${endpoint.host} is already in use`,
          'stop what listens there, or choose another port with',
        ],
  EACCES: (endpoint) =>
    endpoint.transport === 'ipc'
      ? [`no permission to create ${endpoint.path}`, 'choose a path in a folder of your own with']
      : [
          `no permission to listen on port ${endpoint.port} on ${endpoint.host}`,
          'choose a port above 1023 with',
        ],
  EEXIST: (endpoint) => [
    `${formatEndpoint(endpoint)} is a file and no socket`,
    'choose another path with',
  ],
  ENOENT: missingFolder,
  ENOTDIR: missingFolder,
  ENAMETOOLONG: (endpoint) => [
    `the path of ${formatEndpoint(endpoint)} is too long for a socket`,
    `choose a path of at most ${maxPathBytes} bytes with`,
  ],
  ENOTSUP: () => ['ipc endpoints do not work on this system', 'choose a port with'],
  EADDRNOTAVAIL: foreignHost,
  ENODEV: foreignHost,
  ENOTFOUND: unknownHost,
  EAI_AGAIN: unknownHost,
}

function missingFolder(endpoint: Endpoint): Failure {
  const path = formatEndpoint(endpoint)
  return [`the folder of ${path} does not exist`, 'create it, or choose another path with']
}

function foreignHost(endpoint: Endpoint): Failure {
  const host = endpoint.transport === 'tcp' ? endpoint.host : endpoint.path
  return [
    `${host} is not an address of this machine`,
    'choose one that is, or 0.0.0.0 for all of them, with',
    'host',
  ]
}

function unknownHost(endpoint: Endpoint): Failure {
  const host = endpoint.transport === 'tcp' ? endpoint.host : endpoint.path
  return [
    `there is no address for the host ${host}`,
    'choose an address of this machine, or 0.0.0.0 for all of them, with',
    'host',
  ]
}
