import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  formatKeyFile,
  isKeyName,
  makeKeyPair,
  ROLES,
  type Role,
} from 'socket.io-zeromq-emitter/keys'
import { BrokerError } from './errors.js'

/** What kind of key to make, and where. */
export interface KeygenOptions {
  /** What the key is for. */
  readonly role: Role
  /** Who will have it: the name of the files, and what the broker calls its owner. */
  readonly name: string
  /** The folder for the files. */
  readonly out: string
}

/** The two files of a key. */
export interface MadeKey extends KeygenOptions {
  readonly privateFile: string
  readonly publicFile: string
  readonly publicKey: string
}

/** No key could be made. */
class KeygenError extends BrokerError {
  override readonly name = 'KeygenError'
}

/**
 * Makes a pair of keys and writes two files: `NAME.key` with both keys, which only its owner can read,
 * and `NAME.pub` with the public one. Neither may be there already.
 *
 * @throws {KeygenError}
 */
export function makeKey({ role, name, out }: KeygenOptions): MadeKey {
  if (!isKeyName(name)) {
    throw new KeygenError(
      `--name must be 1 to 64 letters, digits, ".", "_" and "-"; it is ${JSON.stringify(name)}`,
    )
  }
  const privateFile = join(out, `${name}.key`)
  const publicFile = join(out, `${name}.pub`)
  const { publicKey, secretKey } = makeKeyPair()
  const madeAt = new Date()
  try {
    mkdirSync(out, { recursive: true, mode: 0o700 })
    const privateText = formatKeyFile({ role, name, publicKey, secretKey }, madeAt)
    writeFileSync(privateFile, privateText, { flag: 'wx', mode: 0o600 })
    try {
      const publicText = formatKeyFile({ role, name, publicKey }, madeAt)
      writeFileSync(publicFile, publicText, { flag: 'wx', mode: 0o644 })
    } catch (error) {
      // Half a pair is of no use, and would be in the way of the next try.
      rmSync(privateFile)
      throw error
    }
  } catch (error) {
    const { code, message, path } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') {
      throw new KeygenError(
        `${path} is there already, and is left as it is: choose another --name or --out`,
        { cause: error },
      )
    }
    throw new KeygenError(`cannot write the key files: ${message}`, { cause: error })
  }
  return { role, name, out, privateFile, publicFile, publicKey }
}

/** Whether the text is the name of a role. */
export function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text)
}

/** What the command prints: what was made, and what to do with it. */
export function describeKey({ role, name, privateFile, publicFile, publicKey }: MadeKey): string {
  const [secret, open] = uses[role]
  return [
    `A key for the ${role} "${name}":`,
    '',
    `  ${privateFile}  secret: ${secret}`,
    `  ${publicFile}  public: ${open}`,
    '',
    `  public key  ${publicKey}`,
  ].join('\n')
}

const uses: Record<Role, readonly [secret: string, open: string]> = {
  broker: [
    'for the broker alone, as its --curve-key',
    'for everyone who connects to it, as curve.serverKey',
  ],
  node: [
    'for the Socket.IO server alone, as curve.secretKey',
    'for the folder of the broker’s --authorized-keys',
  ],
  emitter: [
    'for the emitter alone, as curve.secretKey',
    'for the folder of the broker’s --authorized-keys',
  ],
}
