import {
  isOpenToOthers,
  type Key,
  KeyFileError,
  type Role,
  readKeyFile,
} from 'socket.io-zeromq-emitter/keys'
import type { Context } from 'zeromq'
import { AuthorizedKeys } from './authorized-keys.js'
import { BrokerOptionError } from './errors.js'
import type { Curve } from './options.js'
import type { Door } from './refusals.js'
import { type Applicant, ZapHandler } from './zap.js'

const admittedRoles: Record<Door, readonly Role[]> = {
  pub: ['node', 'emitter'],
  sub: ['node'],
  emitterSub: ['node', 'emitter'],
}

/** What {@link Gate} tells. */
export interface GateListeners {
  onRefused(reason: 'unknown-key' | 'role', door: Door, applicant: Applicant, key?: Key): void
  /** Peers that were let in may no longer be where they are: these keys. */
  onRevoked(keys: readonly Key[]): void
  onProblem(message: string): void
}

/** Decides by their keys who is let in where. */
export class Gate {
  readonly publicKey: string
  readonly #secretKey: string
  readonly #authorized: AuthorizedKeys
  readonly #zap: ZapHandler
  readonly #listeners: GateListeners
  /** Who has been let in where, since all connections began anew. */
  readonly #admitted = new Map<Door, Map<string, Key>>()

  /**
   * @param context all its sockets that use CURVE ask this gate
   * @throws {BrokerOptionError} if the broker's key or the folder cannot be read
   */
  constructor(
    { curveKey, authorizedKeys }: Curve,
    readonly context: Context,
    listeners: GateListeners,
  ) {
    this.#listeners = listeners
    const own = readOwnKey(curveKey)
    this.publicKey = own.publicKey
    this.#secretKey = own.secretKey
    if (isOpenToOthers(curveKey)) {
      listeners.onProblem(
        `every user of this machine can read or change the secret key: chmod 600 ${curveKey}`,
      )
    }
    try {
      this.#authorized = new AuthorizedKeys(authorizedKeys, {
        onChange: () => this.#revoke(),
        onProblem: (message) => listeners.onProblem(message),
      })
    } catch (error) {
      const { message } = error as Error
      throw new BrokerOptionError(
        'authorizedKeys',
        `must be a folder that can be read (${message})`,
        authorizedKeys,
      )
    }
    this.#zap = new ZapHandler(context, (applicant) => this.#admits(applicant))
  }

  get counts(): { nodes: number; emitters: number } {
    return this.#authorized.counts
  }

  /** The options of a socket that is to ask this gate. */
  socketOptions(door: Door) {
    return {
      context: this.context,
      curveServer: true,
      curveSecretKey: this.#secretKey,
      zapDomain: door,
    }
  }

  /** All connections are closed: nobody is in. */
  reset(): void {
    this.#admitted.clear()
  }

  close(): void {
    this.#zap.close()
    this.#authorized.close()
  }

  #admits(applicant: Applicant): boolean {
    const door = applicant.domain as Door
    const key = this.#authorized.get(applicant.publicKey)
    if (!admittedRoles[door] || key === undefined) {
      this.#listeners.onRefused('unknown-key', door, applicant)
      return false
    }
    if (!admittedRoles[door].includes(key.role)) {
      this.#listeners.onRefused('role', door, applicant, key)
      return false
    }
    const admitted = this.#admitted.get(door) ?? new Map()
    this.#admitted.set(door, admitted.set(applicant.publicKey, key))
    return true
  }

  #revoke(): void {
    const revoked = new Map<string, Key>()
    for (const [door, admitted] of this.#admitted) {
      for (const [publicKey, key] of admitted) {
        const now = this.#authorized.get(publicKey)
        if (now === undefined || !admittedRoles[door].includes(now.role)) {
          revoked.set(publicKey, key)
        }
      }
    }
    if (revoked.size > 0) this.#listeners.onRevoked([...revoked.values()])
  }
}

function readOwnKey(path: string): { publicKey: string; secretKey: string } {
  const mustBe = (problem: string) =>
    new BrokerOptionError('curveKey', `must be the private key file of a broker: ${problem}`, path)
  try {
    const { role, publicKey, secretKey } = readKeyFile(path)
    if (role !== 'broker')
      throw mustBe(`this is the key of ${role === 'node' ? 'a node' : 'an emitter'}`)
    if (secretKey === undefined) throw mustBe('this one has the public key only')
    return { publicKey, secretKey }
  } catch (error) {
    if (error instanceof KeyFileError) throw mustBe(error.message)
    throw error
  }
}
