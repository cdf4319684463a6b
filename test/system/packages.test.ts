import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { io as connect } from 'socket.io-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/folder.js'
import { type Outcome, RunningProgram, runProgram } from '../support/script.js'
import { nextEvent } from '../support/until.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PACKAGES = [
  { folder: 'packages/emitter', name: 'socket.io-zeromq-emitter', exports: ['Emitter'] },
  {
    folder: 'packages/adapter',
    name: 'socket.io-zeromq',
    exports: ['zmqAdapter', 'createAdapter'],
  },
  { folder: 'packages/broker', name: 'zmq-broker', exports: ['Broker'] },
]
const BUS = { name: 'socket.io-zeromq-emitter/bus', exports: ['Bus', 'MsgpackReader'] }
const KEYS = { name: 'socket.io-zeromq-emitter/keys', exports: ['readKeyFile', 'makeKeyPair'] }

/** A folder with nothing but the three packages, packed as they are published, and socket.io. */
let app: string
/** The files of each package's tarball. */
const packed: Record<string, string[]> = {}
let removeFolder: () => Promise<void>

beforeAll(async () => {
  const { path, remove } = await temporaryFolder()
  removeFolder = remove
  const workspaces = PACKAGES.flatMap(({ folder }) => ['--workspace', folder])
  const { stdout } = await npm(ROOT, 'pack', '--json', '--pack-destination', path, ...workspaces)
  // an array, or an object by package name, depending on npm's version
  const tarballs = Object.values(JSON.parse(stdout)) as Tarball[]
  for (const { name, files } of tarballs) packed[name] = files.map((file) => file.path).sort()

  app = join(path, 'app')
  await mkdir(app)
  await writeFile(join(app, 'package.json'), JSON.stringify({ private: true }))
  const files = tarballs.map(({ filename }) => join(path, filename))
  await npm(app, 'install', '--no-audit', '--no-fund', '--prefer-offline', ...files, 'socket.io@4')
}, 180_000)
afterAll(() => removeFolder?.())

interface Tarball {
  name: string
  filename: string
  files: { path: string }[]
}

async function npm(cwd: string, ...args: string[]): Promise<Outcome> {
  const outcome = await runProgram('npm', args, { cwd, timeoutMs: 170_000 })
  if (outcome.code !== 0) throw new Error(`npm ${args[0]} failed:\n${outcome.stderr}`)
  return outcome
}

/** Writes a file into the folder and runs it there. */
async function run(file: string, source: string): Promise<Outcome> {
  await writeFile(join(app, file), source)
  return runProgram(process.execPath, [file], { cwd: app })
}

/** What is left on standard error but Node's word that require() of a module is new. */
function warnings(stderr: string): string {
  return stderr
    .split('\n')
    .filter((line) => !/ExperimentalWarning|--trace-warnings/.test(line))
    .join('\n')
}

describe.each([...PACKAGES, BUS, KEYS])('$name', ({ name, exports }) => {
  const print = exports.map((what) => `typeof ${what}`).join(', ')
  const printed = `${exports.map(() => 'function').join(' ')}\n`

  test('can be imported by a module, without a warning', async () => {
    const source = `import { ${exports.join(', ')} } from '${name}'\nconsole.log(${print})\n`
    const outcome = await run('import.mjs', source)
    expect(outcome).toEqual({ code: 0, signal: null, stdout: printed, stderr: '' })
  })

  test('can be required by CommonJS, without a warning of its own', async () => {
    const source = `const { ${exports.join(', ')} } = require('${name}')\nconsole.log(${print})\n`
    const { code, stdout, stderr } = await run('require.cjs', source)
    expect({ code, stdout }).toEqual({ code: 0, stdout: printed })
    expect(warnings(stderr)).toBe('')
  })
})

describe.each(PACKAGES)('the tarball of $name', ({ folder, name }) => {
  test('has what it should have, and nothing else', async () => {
    const allowed =
      /^(package\.json|README\.md|LICENSE|bin\/[\w-]+\.js|src\/[\w/-]+\.ts|dist\/[\w/-]+\.(js|d\.ts)(\.map)?)$/
    const files = packed[name]!
    expect(files.filter((file) => !allowed.test(file))).toEqual([])
    expect(files.filter((file) => /test/.test(file))).toEqual([])
    // each source with its declarations and its maps, for those who debug
    const sources = (await readdir(join(ROOT, folder, 'src'), { recursive: true }))
      .filter((file) => file.endsWith('.ts'))
      .map((file) => file.slice(0, -'.ts'.length))
    const required = sources.flatMap((source) => [
      `src/${source}.ts`,
      ...['.js', '.js.map', '.d.ts', '.d.ts.map'].map((end) => `dist/${source}${end}`),
    ])
    required.push('LICENSE', 'README.md', 'package.json')
    expect(required.filter((file) => !files.includes(file))).toEqual([])
  })

  test('says who may use it, and where it runs', async () => {
    const manifest = JSON.parse(
      await readFile(join(app, 'node_modules', name, 'package.json'), 'utf8'),
    )
    expect(manifest).toMatchObject({ name, license: 'MIT', engines: { node: '>=20.19' } })
    expect(await readFile(join(app, 'node_modules', name, 'LICENSE'), 'utf8')).toMatch(/^MIT/)
    expect(await readFile(join(app, 'node_modules', name, 'README.md'), 'utf8')).toContain(name)
  })
})

describe('for TypeScript', () => {
  const body = `
    interface Events { greeting: (text: string) => void }
    const emitter = new Emitter<Events>({ brokers: [{ pub: 'tcp://a:1', sub: 'tcp://a:2' }] })
    emitter.to('room').emit('greeting', 'hello')
    // @ts-expect-error the events are typed
    emitter.to('room').emit('greeting', 1)
    // @ts-expect-error an option that there is not
    new Emitter({ port: 1 })
    const zmq = zmqAdapter({ host: 'localhost', pubPort: 5555, subPort: 5556, requestTimeout: 1000 })
    const io = new Server({ adapter: zmq })
    io.adapter(zmq)
    const ready: Promise<void> = zmq.ready()
    const members: number = zmq.stats().members
    zmq.on('member:leave', (uid) => uid.length).off('error', console.error)
    const broker = new Broker({ pub: 0, sub: 'ipc:///tmp/sub' })
    const pub: string = broker.endpoints.pub
    const version: 1 = WIRE_VERSION
    export const all = [ready, members, pub, version, emitter.close(), broker.stop()]
  `
  const names = {
    'socket.io': 'Server',
    'socket.io-zeromq': 'zmqAdapter',
    'socket.io-zeromq-emitter': 'Emitter',
    'socket.io-zeromq-emitter/bus': 'WIRE_VERSION',
    'zmq-broker': 'Broker',
  }

  test.each([
    ['module', 'consumer.mts', (from: string, name: string) => `import { ${name} } from '${from}'`],
    [
      'CommonJS file',
      'consumer.cts',
      (from: string, name: string) =>
        `import ${name}s = require('${from}')\nconst { ${name} } = ${name}s`,
    ],
  ])('all types are found from a %s', async (_kind, file, importing) => {
    const imports = Object.entries(names).map(([from, name]) => importing(from, name))
    await writeFile(join(app, file), `${imports.join('\n')}\n${body}`)
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2022',
      strict: true,
      noEmit: true,
      types: ['node'],
    }
    const config = { compilerOptions, files: [file] }
    await writeFile(join(app, 'tsconfig.json'), JSON.stringify(config))
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
    const { code, stdout, stderr } = await runProgram(process.execPath, [tsc], { cwd: app })
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' })
  })
})

test('npx zmq-broker runs from there', async () => {
  const { version } = JSON.parse(await readFile(join(ROOT, 'packages/broker/package.json'), 'utf8'))
  const args = ['--no-install', 'zmq-broker', '--version']
  const { code, stdout } = await runProgram('npx', args, { cwd: app })
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${version}\n` })
})

test('a broker, two servers and a worker of that folder carry a message to the browsers', async () => {
  const programs: RunningProgram[] = []
  const start = (command: string, ...args: string[]) => {
    programs.push(new RunningProgram(command, args, { cwd: app }))
    return programs.at(-1) as RunningProgram
  }
  const clients: ReturnType<typeof connect>[] = []
  try {
    const broker = start(join(app, 'node_modules/.bin/zmq-broker'), '--pub', '0', '--sub', '0')
    // the line that it prints for pasting
    const [, options] = await broker.printed(/io\.adapter\(zmqAdapter\((\{.*\})\)\)/)
    const serve = `
      const httpServer = createServer()
      const io = new Server(httpServer)
      const zmq = zmqAdapter(${options})
      io.adapter(zmq)
      io.on('connection', (socket) => {
        socket.join('room')
        socket.on('say', (text) => io.to('room').emit('said', text))
      })
      httpServer.listen(0, '127.0.0.1', async () => {
        await zmq.ready()
        console.log('port', httpServer.address().port)
      })
      process.on('SIGTERM', () => io.close())
    `
    await writeFile(
      join(app, 'server.mjs'),
      `import { createServer } from 'node:http'
      import { Server } from 'socket.io'
      import { zmqAdapter } from 'socket.io-zeromq'
      ${serve}`,
    )
    await writeFile(
      join(app, 'server.cjs'),
      `const { createServer } = require('node:http')
      const { Server } = require('socket.io')
      const { zmqAdapter } = require('socket.io-zeromq')
      ${serve}`,
    )
    const servers = ['server.mjs', 'server.cjs'].map((file) => start(process.execPath, file))
    for (const server of servers) {
      const [, port] = await server.printed(/port (\d+)/)
      const client = connect(`http://127.0.0.1:${port}`, { transports: ['websocket'] })
      clients.push(client)
      await nextEvent(client, 'connect')
    }

    const fromWorker = clients.map((client) => nextEvent(client, 'work'))
    const worker = await run(
      'worker.mjs',
      `import { Emitter } from 'socket.io-zeromq-emitter'
      const emitter = new Emitter(${options})
      emitter.to('room').emit('work', { done: true }, Buffer.from('bytes'))
      await emitter.close()`,
    )
    expect(worker).toEqual({ code: 0, signal: null, stdout: '', stderr: '' })
    expect(await Promise.all(fromWorker)).toEqual(
      clients.map(() => [{ done: true }, Buffer.from('bytes')]),
    )

    for (const [i, speaker] of clients.entries()) {
      const heard = clients.map((client) => nextEvent(client, 'said'))
      speaker.emit('say', `hello ${i}`)
      expect(await Promise.all(heard)).toEqual(clients.map(() => [`hello ${i}`]))
    }

    for (const client of clients) client.disconnect()
    for (const server of servers) {
      expect(await server.stop()).toBe(0)
      expect(warnings(server.stderr)).toBe('')
    }
    expect(await broker.stop()).toBe(0)
  } finally {
    for (const client of clients) client.disconnect()
    await Promise.all(programs.map((program) => program.stop('SIGKILL')))
  }
}, 60_000)
