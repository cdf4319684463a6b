import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs'
import { join } from 'node:path'
import createDebug from 'debug'
import { type Key, KeyFileError, readKeyFile } from 'socket.io-zeromq-emitter/keys'

const debug = createDebug('zmq-broker')

const keyFileEnding = '.pub'
// While a file is copied into the folder, it changes several times.
const settleMs = 100
// Some file systems tell nothing of changes.
const pollMs = 5000

/** What {@link AuthorizedKeys} tells. */
export interface AuthorizedKeysListeners {
  /** The keys, or what they are for, are no longer what they were. */
  onChange(): void
  /** A file or the folder cannot be used; the message says why, and what happens. */
  onProblem(message: string): void
}

/**
 * The folder with the public key files of all who may connect: `*.pub`. It is read again when it
 * changes. A file that cannot be read lets nobody in; a folder that cannot be read changes nothing.
 */
export class AuthorizedKeys {
  #keys: ReadonlyMap<string, Key> = new Map()
  #problems = new Set<string>()
  /** What the folder and its files looked like when they were read. */
  #signature = ''
  #folderSignature = ''
  #watcher: FSWatcher | undefined
  #watchedInode: number | undefined
  #settleTimer: NodeJS.Timeout | undefined
  readonly #pollTimer: NodeJS.Timeout

  /** @throws the system's error if the folder cannot be read */
  constructor(
    readonly folder: string,
    private readonly listeners: AuthorizedKeysListeners,
  ) {
    this.#read()
    this.#watch()
    this.#pollTimer = setInterval(() => this.#reread(), pollMs)
    this.#pollTimer.unref()
  }

  /** The key with this public part, if it may connect. */
  get(publicKey: string): Key | undefined {
    const key = this.#keys.get(publicKey)
    // Who starts a server right after its key was put here should not be refused at first.
    if (key !== undefined || signatureOf(this.folder) === this.#folderSignature) return key
    this.#reread()
    return this.#keys.get(publicKey)
  }

  /** How many keys there are of each role. */
  get counts(): { nodes: number; emitters: number } {
    const emitters = [...this.#keys.values()].filter(({ role }) => role === 'emitter').length
    return { nodes: this.#keys.size - emitters, emitters }
  }

  close(): void {
    this.#watcher?.close()
    clearTimeout(this.#settleTimer)
    clearInterval(this.#pollTimer)
  }

  #reread(): void {
    try {
      this.#watch()
      if (this.#read()) this.listeners.onChange()
    } catch (error) {
      const { message } = error as Error
      this.#report(`cannot read the folder of authorised keys, which stay as they are: ${message}`)
    }
  }

  /** @returns whether the folder was read, because it looks different */
  #read(): boolean {
    const paths = readdirSync(this.folder)
      .filter((name) => name.endsWith(keyFileEnding))
      .sort()
      .map((name) => join(this.folder, name))
    this.#folderSignature = signatureOf(this.folder)
    const signature = [this.#folderSignature, ...paths.map(signatureOf)].join('\n')
    if (signature === this.#signature) return false
    this.#signature = signature

    const { keys, problems } = readKeys(this.folder, paths)
    this.#keys = keys
    debug('%s has %d keys', this.folder, keys.size)
    const isNew = (problem: string) => !this.#problems.has(problem)
    const news = [...problems].filter(isNew)
    this.#problems = problems
    for (const problem of news) this.listeners.onProblem(problem)
    return true
  }

  /** Watches the folder, or the one that has taken its place. */
  #watch(): void {
    const { ino } = statSync(this.folder)
    if (ino === this.#watchedInode) return
    this.#watcher?.close()
    this.#watchedInode = ino
    try {
      this.#watcher = watch(this.folder, { persistent: false }, () => this.#settle())
      this.#watcher.on('error', (error) => debug('the folder is not watched: %s', error.message))
    } catch (error) {
      debug('the folder is not watched, and read every %d ms: %s', pollMs, (error as Error).message)
    }
  }

  #settle(): void {
    clearTimeout(this.#settleTimer)
    this.#settleTimer = setTimeout(() => this.#reread(), settleMs)
    this.#settleTimer.unref()
  }

  #report(problem: string): void {
    if (this.#problems.has(problem)) return
    this.#problems.add(problem)
    this.listeners.onProblem(problem)
  }
}

/** Reads key files, and says what is wrong with them. */
function readKeys(
  folder: string,
  paths: readonly string[],
): { keys: Map<string, Key>; problems: Set<string> } {
  const problems = new Set<string>()
  const keys = new Map<string, Key>()
  if (process.platform !== 'win32' && (statSync(folder).mode & 0o002) !== 0) {
    problems.add(`every user of this machine can let keys in: chmod o-w ${folder}`)
  }
  for (const path of paths) {
    try {
      const key = readKeyFile(path)
      if (key.role === 'broker') {
        problems.add(`${path} is the key of a broker, and lets nobody in`)
        continue
      }
      if (key.secretKey !== undefined) {
        problems.add(`${path} holds a secret key, which belongs to its owner alone: make a new one`)
      }
      const other = keys.get(key.publicKey)
      if (other !== undefined && other.role !== key.role) {
        problems.add(`${path} has the key of ${other.name} with another role; it is an emitter's`)
      }
      // Where two files disagree, the one that allows less holds.
      if (other?.role !== 'emitter') keys.set(key.publicKey, key)
    } catch (error) {
      if (!(error instanceof KeyFileError)) throw error
      problems.add(`${error.message} (it lets nobody in)`)
    }
  }
  return { keys, problems }
}

function signatureOf(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return path
  return [path, stats.ino, stats.size, stats.mtimeMs, stats.ctimeMs, stats.mode].join(' ')
}
