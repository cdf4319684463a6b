import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readKeyFile } from 'socket.io-zeromq-emitter/keys'
import { describe, expect, it } from 'vitest'
import { type RunningProcess, runCommand, temporaryFolder } from './support.js'

async function keygen(...args: string[]): Promise<RunningProcess & { code: number }> {
  const running = runCommand(['keygen', ...args])
  return { ...running, code: (await running.exit) as number }
}

const modeOf = (path: string) => statSync(path).mode & 0o777

describe('zmq-broker keygen', () => {
  it.each(['node', 'emitter', 'broker'])('makes a key for a role: %s', async (role) => {
    const out = await temporaryFolder()
    const { code, stdout, stderr } = await keygen('--role', role, '--out', out)
    expect({ code, stderr: stderr() }).toEqual({ code: 0, stderr: '' })
    const secret = readKeyFile(join(out, `${role}.key`))
    const open = readKeyFile(join(out, `${role}.pub`))
    expect(secret).toMatchObject({ role, name: role, publicKey: open.publicKey })
    expect(secret.secretKey).toBeDefined()
    expect(open).toEqual({ role, name: role, publicKey: secret.publicKey })
    expect(stdout()).toContain(open.publicKey)
    expect(stdout()).not.toContain(secret.secretKey)
    expect(readFileSync(join(out, `${role}.pub`), 'utf8')).not.toContain(secret.secretKey)
  })

  it.skipIf(process.platform === 'win32')('lets nobody else read the secret', async () => {
    const out = join(await temporaryFolder(), 'new', 'keys')
    await keygen('--out', out)
    expect(modeOf(join(out, 'node.key'))).toBe(0o600)
    expect(modeOf(out)).toBe(0o700)
  })

  it('makes a node’s key unless told otherwise, and names it as told', async () => {
    const out = await temporaryFolder()
    await keygen('--name', 'web-1', '--out', out)
    expect(readKeyFile(join(out, 'web-1.key'))).toMatchObject({ role: 'node', name: 'web-1' })
  })

  it('makes another key each time', async () => {
    const out = await temporaryFolder()
    await keygen('--name', 'a', '--out', out)
    await keygen('--name', 'b', '--out', out)
    const [a, b] = ['a.pub', 'b.pub'].map((file) => readKeyFile(join(out, file)).publicKey)
    expect(a).not.toBe(b)
  })

  it.each(['node.key', 'node.pub'])('leaves what is there as it is: %s', async (file) => {
    const out = await temporaryFolder()
    writeFileSync(join(out, file), 'precious')
    const { code, stderr } = await keygen('--out', out)
    expect(code).toBe(1)
    expect(stderr()).toBe(
      `zmq-broker: ${join(out, file)} is there already, and is left as it is: ` +
        'choose another --name or --out\n',
    )
    expect(readFileSync(join(out, file), 'utf8')).toBe('precious')
    expect(readdirSync(out)).toEqual([file])
  })

  it.each([
    [['--role', 'boss'], "'boss' is invalid. It must be node, emitter or broker."],
    [['--name', '../x'], '--name must be 1 to 64 letters, digits'],
    [['--nam', 'x'], "unknown option '--nam'"],
    [['extra'], 'too many arguments'],
  ])('fails with one line on %o', async (args, problem) => {
    const { code, stdout, stderr } = await keygen(...args, '--out', await temporaryFolder())
    expect({ code, stdout: stdout() }).toEqual({ code: 1, stdout: '' })
    expect(stderr()).toMatch(/^zmq-broker: [^\n]*\n$/)
    expect(stderr()).toContain(problem)
  })

  it('says so when the folder cannot be written to', async () => {
    const path = join(await temporaryFolder(), 'file')
    writeFileSync(path, '')
    const { code, stderr } = await keygen('--out', join(path, 'keys'))
    expect(code).toBe(1)
    expect(stderr()).toContain('zmq-broker: cannot write the key files: ')
  })

  it('is found by help', async () => {
    const running = runCommand(['keygen', '--help'])
    expect(await running.exit).toBe(0)
    const lines = running.stdout().split('\n')
    for (const flag of ['--role', '--name', '--out']) {
      expect(running.stdout()).toContain(`  ${flag} <`)
    }
    expect(lines.filter((line) => line.length > 80)).toEqual([])
  })

  it('writes into a folder that is there with the mode it has', async () => {
    const out = join(await temporaryFolder(), 'keys')
    mkdirSync(out, { mode: 0o755 })
    await keygen('--out', out)
    expect(modeOf(out)).toBe(0o755)
  })
})
