import createDebug from 'debug'
import { encodeZ85 } from 'socket.io-zeromq-emitter/keys'
import { type Context, Router } from 'zeromq'

const debug = createDebug('zmq-broker')

// ZeroMQ's RFC 27, the ZeroMQ Authentication Protocol.
const address = 'inproc://zeromq.zap.01'
const version = '1.0'

/** Who asks to be let in. */
export interface Applicant {
  /** The `zapDomain` of the socket. */
  readonly domain: string
  /** The IP address; empty for ipc. */
  readonly address: string
  readonly publicKey: string
}

/** Answers for all sockets of a context whether a peer that has proved its key is let in. */
export class ZapHandler {
  readonly #socket: Router

  /** @param admits decides; what it throws is a refusal */
  constructor(context: Context, admits: (applicant: Applicant) => boolean) {
    this.#socket = new Router({ context, linger: 0, sendHighWaterMark: 0, receiveHighWaterMark: 0 })
    this.#socket.bindSync(address)
    this.#serve(admits).catch((error) => debug('nobody is let in any more: %s', error))
  }

  close(): void {
    this.#socket.close()
  }

  async #serve(admits: (applicant: Applicant) => boolean): Promise<void> {
    for await (const [peer, empty, requestVersion, id, ...request] of this.#socket) {
      const isAdmitted = String(requestVersion) === version && decide(request as Buffer[], admits)
      const answer = isAdmitted
        ? ['200', 'OK', publicKeyOf(request as Buffer[])]
        : ['400', 'No', '']
      await this.#socket.send([peer, empty, version, id, ...answer, ''] as Buffer[])
    }
  }
}

function decide(request: readonly Buffer[], admits: (applicant: Applicant) => boolean): boolean {
  const [domain, address, , mechanism] = request
  const publicKey = publicKeyOf(request)
  if (String(mechanism) !== 'CURVE' || publicKey === '') return false
  try {
    return admits({ domain: String(domain), address: String(address), publicKey })
  } catch (error) {
    debug('refused, since the decision failed: %s', error)
    return false
  }
}

function publicKeyOf(request: readonly Buffer[]): string {
  const credentials = request[4]
  return credentials?.length === 32 ? encodeZ85(credentials) : ''
}
