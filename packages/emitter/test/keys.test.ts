import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  encodeZ85,
  formatKeyFile,
  isKey,
  isOpenToOthers,
  type Key,
  KeyFileError,
  makeKeyPair,
  parseKeyFile,
  publicKeyOf,
  readKeyFile,
} from '../src/keys/index.js'
import { decodeKey } from '../src/keys/z85.js'

const NOW = new Date('2026-01-02T03:04:05Z')

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'sioz-keys-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

describe('Z85', () => {
  it('writes the example of RFC 32', () => {
    const bytes = Uint8Array.of(0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b)
    expect(encodeZ85(bytes)).toBe('HelloWorld')
  })

  it('reads what it has written', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        expect(decodeKey(encodeZ85(bytes))).toEqual(Buffer.from(bytes))
      }),
    )
  })

  it.each([
    ['of another length', 'x'.repeat(39)],
    ['with a character that is none of its own', `${'x'.repeat(39)} `],
    ['that stands for more than four bytes hold', '#'.repeat(40)],
    ['that is no text', undefined],
  ])('takes nothing %s for a key', (_, text) => {
    expect(isKey(text)).toBe(false)
  })
})

describe('a public key', () => {
  it('is found from its secret key, as ZeroMQ has made the two', () => {
    for (let i = 0; i < 50; i++) {
      const { publicKey, secretKey } = makeKeyPair()
      expect(publicKeyOf(secretKey)).toBe(publicKey)
    }
  })

  it('is not found from what is no key', () => {
    expect(() => publicKeyOf('short')).toThrow('a key is 40 characters of Z85')
  })
})

describe('a key file', () => {
  const pair = makeKeyPair()

  it.each(['node', 'emitter', 'broker'] as const)('gives back what it was made of: %s', (role) => {
    const secret: Key = { role, name: 'web-1', ...pair }
    expect(parseKeyFile(formatKeyFile(secret, NOW), 'a')).toEqual(secret)
    const open: Key = { role, name: 'web-1', publicKey: pair.publicKey }
    expect(parseKeyFile(formatKeyFile(open, NOW), 'a')).toEqual(open)
  })

  it('says for people what it is', () => {
    const text = formatKeyFile({ role: 'node', name: 'web-1', ...pair }, NOW)
    expect(text).toContain('# The SECRET key of the node "web-1"')
    expect(text).toContain('2026-01-02T03:04:05.000Z')
    const open = formatKeyFile({ role: 'node', name: 'web-1', publicKey: pair.publicKey }, NOW)
    expect(open).toContain('# The public key of the node "web-1"')
    expect(open).not.toContain('secret-key')
  })

  it('may be written by hand, without quotes, in another order, with Windows line ends', () => {
    const text = `curve\r\n  public-key=${pair.publicKey}\r\nmetadata\r\n role = emitter\r\n other = "x"\r\n`
    expect(parseKeyFile(text, '/keys/worker.pub')).toEqual({
      role: 'emitter',
      name: 'worker',
      publicKey: pair.publicKey,
    })
  })

  const good = `role = "node"\npublic-key = "${pair.publicKey}"\n`
  it.each([
    ['is empty', '', 'is no key file: it has no public-key'],
    ['is something else', 'hello\nworld', 'is no key file'],
    [
      'has a damaged key',
      'role = "node"\npublic-key = "abc"',
      'public-key that is not 40 characters',
    ],
    [
      'has a damaged secret key',
      `${good}secret-key = "abc"`,
      'secret-key that is not 40 characters',
    ],
    [
      'has keys of two pairs',
      `${good}secret-key = "${makeKeyPair().secretKey}"`,
      'public-key that does not go with its secret-key',
    ],
    ['has no role', `public-key = "${pair.publicKey}"`, 'has no role: write role = "node"'],
    [
      'has an unknown role',
      `role = "boss"\npublic-key = "${pair.publicKey}"`,
      'unknown role "boss"',
    ],
    ['has a strange name', `${good}name = "../etc"`, 'has a name that is not'],
  ])('is refused when it %s', (_, text, problem) => {
    expect(() => parseKeyFile(text, 'some.pub')).toThrow(KeyFileError)
    expect(() => parseKeyFile(text, 'some.pub')).toThrow('some.pub')
    expect(() => parseKeyFile(text, 'some.pub')).toThrow(problem)
  })

  it('that is not there, is a folder, or is large, is refused by its path', () => {
    const path = folder()
    expect(() => readKeyFile(join(path, 'none'))).toThrow('there is no such file')
    expect(() => readKeyFile(path)).toThrow(`${path} is no key file`)
    writeFileSync(join(path, 'large'), 'x'.repeat(100_000))
    expect(() => readKeyFile(join(path, 'large'))).toThrow('is no key file')
  })

  it.skipIf(process.platform === 'win32')('is open to others by its mode', () => {
    const path = join(folder(), 'a.key')
    writeFileSync(path, good)
    for (const [mode, isOpen] of [
      [0o600, false],
      [0o640, false],
      [0o644, true],
      [0o602, true],
    ] as const) {
      chmodSync(path, mode)
      expect(isOpenToOthers(path)).toBe(isOpen)
    }
  })
})
