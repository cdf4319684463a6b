import { readFileSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { publicKeyOf } from './key-pair.js'
import { isKey } from './z85.js'

/** What a key is for: what its owner may do at a broker. See docs/security.md. */
export type Role = 'node' | 'emitter' | 'broker'

export const ROLES: readonly Role[] = ['node', 'emitter', 'broker']

/** What a key file holds. */
export interface Key {
  role: Role
  /** Who has the key, for people: 1 to 64 letters, digits, `.`, `_` and `-`. */
  name: string
  /** The public key as Z85. */
  publicKey: string
  /** The secret key as Z85, in a private key file only. */
  secretKey?: string
}

/** A key file that cannot be used. */
export class KeyFileError extends Error {
  override name = 'KeyFileError'
}

/** A larger file is none of ours. */
const MAX_FILE_BYTES = 64 * 1024
const NAME = /^[\w.-]{1,64}$/
const SETTING = /^([\w-]+)\s*=\s*(?:"([^"]*)"|(\S+))$/

/** Whether a text may be the name in a key file. */
export function isKeyName(text: string): boolean {
  return NAME.test(text)
}

/**
 * Writes a key as a ZeroMQ certificate, the format that CZMQ and pyzmq read too. Without a secret key
 * it is the file to give away.
 */
export function formatKeyFile({ role, name, publicKey, secretKey }: Key, madeAt: Date): string {
  const title =
    secretKey === undefined
      ? ['The public key of', 'It is no secret.']
      : ['The SECRET key of', 'Who has it can pass for its owner: keep it on one machine.']
  return [
    `# ${title[0]} the ${role} "${name}", made by zmq-broker keygen on ${madeAt.toISOString()}.`,
    `# ${title[1]}`,
    'metadata',
    `    role = "${role}"`,
    `    name = "${name}"`,
    'curve',
    `    public-key = "${publicKey}"`,
    ...(secretKey === undefined ? [] : [`    secret-key = "${secretKey}"`]),
    '',
  ].join('\n')
}

/**
 * Reads what a key file says.
 * @param path - where it was read, for the errors; its file name is the key's name if it has none
 * @throws KeyFileError
 */
export function parseKeyFile(text: string, path: string): Key {
  const settings = new Map<string, string>()
  for (const line of text.split('\n').map((line) => line.trim())) {
    const [, name, quoted, plain] = line.startsWith('#') ? [] : (SETTING.exec(line) ?? [])
    if (name !== undefined) settings.set(name, quoted ?? plain ?? '')
  }
  const fail = (problem: string) => new KeyFileError(`${path} ${problem}`)
  const publicKey = settings.get('public-key')
  const secretKey = settings.get('secret-key')
  const role = settings.get('role')
  const name = settings.get('name') ?? basename(path).replace(/\.[^.]*$/, '')
  if (publicKey === undefined) {
    throw fail('is no key file: it has no public-key; make one with: npx zmq-broker keygen')
  }
  if (!isKey(publicKey)) throw fail('has a public-key that is not 40 characters of Z85')
  if (secretKey !== undefined && !isKey(secretKey)) {
    throw fail('has a secret-key that is not 40 characters of Z85')
  }
  if (secretKey !== undefined && publicKeyOf(secretKey) !== publicKey) {
    throw fail('has a public-key that does not go with its secret-key')
  }
  if (!ROLES.includes(role as Role)) {
    const found =
      role === undefined ? 'has no role' : `has the unknown role ${JSON.stringify(role)}`
    throw fail(`${found}: write role = "node", "emitter" or "broker" below metadata`)
  }
  if (!isKeyName(name)) {
    throw fail('has a name that is not 1 to 64 letters, digits, ".", "_" and "-"')
  }
  const key: Key = { role: role as Role, name, publicKey }
  return secretKey === undefined ? key : { ...key, secretKey }
}

/**
 * Reads a key file.
 * @throws KeyFileError
 */
export function readKeyFile(path: string): Key {
  let text: string
  try {
    const stats = statSync(path)
    if (!stats.isFile() || stats.size > MAX_FILE_BYTES) {
      throw new KeyFileError(`${path} is no key file; make one with: npx zmq-broker keygen`)
    }
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof KeyFileError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    const problem = READ_PROBLEMS[code ?? ''] ?? message
    throw new KeyFileError(`cannot read the key file ${path}: ${problem}`, { cause: error })
  }
  return parseKeyFile(text, path)
}

const READ_PROBLEMS: Record<string, string> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'this user has no permission to read it',
}

/** Whether users of the machine other than the file's owner and its group can read or change it. */
export function isOpenToOthers(path: string): boolean {
  return process.platform !== 'win32' && (statSync(path).mode & 0o007) !== 0
}
