import { lookup } from 'node:dns/promises'
import { lstat } from 'node:fs/promises'
import { connect, isIP, isIPv4, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { capability, type Socket } from 'zeromq'
import { type Endpoint, formatEndpoint } from './endpoint.js'
import { BrokerBindError } from './errors.js'
import type { Binding } from './options.js'

// unix(7): the path of a socket and its closing zero fill 108 bytes at most, 104 on macOS and BSD.
const maxPathBytes = process.platform === 'linux' ? 107 : 103

/**
 * Binds the socket.
 *
 * @param option the option that says where this socket listens
 * @returns the endpoint in numbers, with the port that the system picked where it was 0
 * @throws {BrokerBindError} if the socket cannot listen there
 */
export async function listen(
  socket: Socket & { readonly lastEndpoint: string | null },
  option: 'pub' | 'sub',
  { endpoint, hostOption }: Binding,
): Promise<string> {
  const address = formatEndpoint(endpoint)
  try {
    if (endpoint.transport === 'ipc') {
      await assertPathIsFree(endpoint.path)
      await socket.bind(address)
    } else {
      const host = await addressOf(endpoint.host)
      socket.ipv6 = isIPv6(host)
      await socket.bind(formatEndpoint({ ...endpoint, host }))
    }
  } catch (cause) {
    const code = codeOf(cause)
    const failure = failures[code]?.(endpoint)
    const [problem, remedy, about = option] = failure ?? [
      `cannot listen on ${address} (${cause instanceof Error ? cause.message : code})`,
      'choose another endpoint with',
    ]
    const write = (name: string) => `${problem}: ${remedy} ${name}`
    throw new BrokerBindError(about === 'host' ? hostOption : about, address, code, write, cause)
  }
  return socket.lastEndpoint ?? address
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
