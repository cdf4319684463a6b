import { existsSync } from 'node:fs'
import { capability } from 'zeromq'
import { isOpenToOthers, type Key, KeyFileError, type Role, readKeyFile } from '../keys/key-file.js'
import { publicKeyOf } from '../keys/key-pair.js'
import { isKey } from '../keys/z85.js'
import { OptionError } from './errors.js'
import { invalid, rejectUnknownOptions } from './option-checks.js'

/**
 * The keys of a connection that is encrypted and authenticated (CURVE, ZeroMQ's RFC 26). Each is a
 * key of 40 characters (Z85), or the path of a key file that `zmq-broker keygen` has made.
 */
export interface CurveOptions {
  /**
   * The broker's public key. May be left out if each of `brokers` has one of its own.
   */
  serverKey?: string
  /** One's own secret key, or the path of the private key file. */
  secretKey: string
  /**
   * One's own public key.
   * @default the one that goes with `secretKey`
   */
  publicKey?: string
}

/** The keys of a bus, as Z85. */
export interface ResolvedCurve {
  publicKey: string
  secretKey: string
  /** What the key is for, if that is known. */
  role: Role | undefined
}

/** The part of the options that says where brokers are. */
interface WithBrokers {
  brokers: { pub: string; sub: string; serverKey?: string }[]
}

/**
 * Checks the option `curve`, and gives each broker its public key.
 * @throws OptionError
 */
export function resolveKeys<Found extends WithBrokers>(
  found: Found,
  curve: unknown,
): Found & { curve: ResolvedCurve | undefined } {
  const { brokers } = found
  if (curve === undefined) {
    const i = brokers.findIndex(({ serverKey }) => serverKey !== undefined)
    if (i === -1) return { ...found, curve }
    throw new OptionError(
      `option brokers[${i}].serverKey needs one's own key too: give option curve with a secretKey`,
    )
  }
  if (typeof curve !== 'object' || curve === null) {
    throw invalid(
      'curve',
      "an object such as { serverKey: 'broker.pub', secretKey: 'a.key' }",
      curve,
    )
  }
  rejectUnknownOptions(curve, ['serverKey', 'publicKey', 'secretKey'], 'curve.')
  const own = resolveOwnKeys(curve as CurveOptions)
  const withKeys = brokers.map((broker, i) => {
    const serverKey =
      broker.serverKey === undefined
        ? resolveServerKey('curve.serverKey', (curve as CurveOptions).serverKey, own)
        : resolveServerKey(`brokers[${i}].serverKey`, broker.serverKey, own)
    return { ...broker, serverKey }
  })
  return { ...found, brokers: withKeys, curve: own }
}

function resolveOwnKeys(curve: CurveOptions): ResolvedCurve {
  if (!capability.curve) {
    throw new OptionError(
      'option curve needs a libzmq with CURVE, and this one was built without: use the build that ' +
        'the package zeromq brings along',
    )
  }
  const secret = readKey('curve.secretKey', curve.secretKey)
  const secretKey = 'key' in secret ? secret.key : secret.file.secretKey
  if (secretKey === undefined) {
    throw new OptionError(
      `option curve.secretKey: ${curve.secretKey} holds a public key only; give the private key ` +
        'file that keygen has made beside it',
    )
  }
  if ('file' in secret && isOpenToOthers(curve.secretKey)) {
    process.emitWarning(
      `every user of this machine can read or change the secret key ${curve.secretKey}; ` +
        `close it with: chmod 600 ${curve.secretKey}`,
      { code: 'ZMQ_KEY_EXPOSED' },
    )
  }
  const role = 'file' in secret ? secret.file.role : undefined
  if (role === 'broker') {
    throw new OptionError(
      `option curve.secretKey: ${curve.secretKey} is the key of a broker; make one of its own for ` +
        'this process with: npx zmq-broker keygen',
    )
  }
  const belongs = publicKeyOf(secretKey)
  return { publicKey: checkPublicKey(curve, secretKey, belongs), secretKey, role }
}

function checkPublicKey(curve: CurveOptions, secretKey: string, belongs: string): string {
  if (curve.publicKey === undefined) return belongs
  const given = readKey('curve.publicKey', curve.publicKey)
  const publicKey = 'key' in given ? given.key : given.file.publicKey
  if (publicKey === belongs) return belongs
  const areSwapped = publicKey === secretKey || publicKeyOf(publicKey) === secretKey
  throw new OptionError(
    areSwapped
      ? 'option curve.publicKey holds a secret key: the public one goes there, and the secret one ' +
          'in curve.secretKey'
      : 'option curve.publicKey does not go with curve.secretKey: they are of different pairs',
  )
}

function resolveServerKey(name: string, value: unknown, own: ResolvedCurve): string {
  const given = readKey(name, value)
  const isOwn = 'key' in given && (given.key === own.secretKey || given.key === own.publicKey)
  if (isOwn) {
    throw new OptionError(`option ${name} holds one's own key; the broker's public key goes there`)
  }
  if ('key' in given) return given.key
  const { role, secretKey, publicKey } = given.file
  if (role !== 'broker') {
    throw new OptionError(
      `option ${name}: ${value} is the key of ${role === 'node' ? 'a node' : 'an emitter'}; give ` +
        "the broker's public key",
    )
  }
  if (secretKey !== undefined) {
    throw new OptionError(
      `option ${name}: ${value} holds the broker's secret key, which belongs to the broker alone; ` +
        'give the public key file that keygen has made beside it',
    )
  }
  return publicKey
}

function readKey(name: string, value: unknown): { key: string } | { file: Key } {
  if (typeof value !== 'string' || value === '') {
    throw new OptionError(
      `option ${name} must be a key (40 characters of Z85) or the path of a key file, and not ` +
        (value === '' ? 'empty' : String(value)),
    )
  }
  // a path may happen to look like a key, but then there is such a file
  if (isKey(value) && !existsSync(value)) return { key: value }
  try {
    return { file: readKeyFile(value) }
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error
    throw new OptionError(`option ${name}: ${error.message}`, { cause: error })
  }
}
