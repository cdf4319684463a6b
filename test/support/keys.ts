import { copyFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatKeyFile, makeKeyPair, type Role, readKeyFile } from 'socket.io-zeromq-emitter/keys'
import { temporaryFolder } from './folder.js'

/** The option `curve` of nodes and emitters, by the paths of key files. */
export interface CurvePaths {
  serverKey: string
  secretKey: string
}

/** What a plain ZeroMQ socket needs to connect with a key. */
export function curveSocketOptions({ serverKey, secretKey }: CurvePaths) {
  const own = readKeyFile(secretKey)
  return {
    curveServerKey: readKeyFile(serverKey).publicKey,
    curvePublicKey: own.publicKey,
    curveSecretKey: own.secretKey as string,
  }
}

type Folder = Awaited<ReturnType<typeof temporaryFolder>>

/** The key files of a cluster, in a temporary folder: a broker's, and those of its clients. */
export class TestKeys {
  readonly #folder: Folder
  readonly #authorized: Folder

  private constructor(folder: Folder, authorized: Folder) {
    this.#folder = folder
    this.#authorized = authorized
  }

  static async make(): Promise<TestKeys> {
    const keys = new TestKeys(await temporaryFolder(), await temporaryFolder())
    await keys.#write('broker', 'broker')
    return keys
  }

  /** The options of a broker that takes only who has a key. */
  get brokerOptions(): { curveKey: string; authorizedKeys: string } {
    return { curveKey: this.#path('broker.key'), authorizedKeys: this.#authorized.path }
  }

  /** Makes a key that is not authorised. */
  async make(role: Role, name: string = role): Promise<CurvePaths> {
    await this.#write(role, name)
    return { serverKey: this.#path('broker.pub'), secretKey: this.#path(`${name}.key`) }
  }

  /** Makes a key that is authorised. */
  async authorized(role: Role, name: string = role): Promise<CurvePaths> {
    const curve = await this.make(role, name)
    await this.authorize(name)
    return curve
  }

  authorize(name: string): Promise<void> {
    return copyFile(this.#path(`${name}.pub`), join(this.#authorized.path, `${name}.pub`))
  }

  revoke(name: string): Promise<void> {
    return rm(join(this.#authorized.path, `${name}.pub`))
  }

  async remove(): Promise<void> {
    await Promise.all([this.#folder.remove(), this.#authorized.remove()])
  }

  #path(file: string): string {
    return join(this.#folder.path, file)
  }

  async #write(role: Role, name: string): Promise<void> {
    const { publicKey, secretKey } = makeKeyPair()
    const now = new Date()
    const files = [
      [`${name}.key`, formatKeyFile({ role, name, publicKey, secretKey }, now), 0o600],
      [`${name}.pub`, formatKeyFile({ role, name, publicKey }, now), 0o644],
    ] as const
    for (const [file, text, mode] of files) await writeFile(this.#path(file), text, { mode })
  }
}
