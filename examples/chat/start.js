// @ts-check
// Runs the chat: one broker, two servers and one worker, as four processes.
//
//   node start.js                            servers on ports 3001 and 3002
//   node start.js --port 4000                on 4000 and the next free port
//   node start.js --port 4000 --port 5000    on these two
//
// PORT=4000 does what --port 4000 does. Ports that are taken make way for the next free ones.
import { fork } from 'node:child_process'
import { createServer } from 'node:net'
import { relative } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs, styleText } from 'node:util'

const help = `Usage: node start.js [--port <port>] [--port <port>] [--pub <port>] [--sub <port>]

  --port   where a server listens; twice for both servers  (3001 and 3002, or from PORT)
  --pub    where publishers reach the broker               (5555)
  --sub    where subscribers reach the broker              (5556)

A port that is taken makes way for the next free one; 0 takes any.`

const options = readOptions()

const taken = new Set()
const first = await freePort(options.ports[0])
const second = await freePort(options.ports[1] ?? (options.ports[0] && first + 1))
const pub = await freePort(options.pub)
const sub = await freePort(options.sub)

const brokerPackage = import.meta.resolve('zmq-broker/package.json')
const brokerCommand = fileURLToPath(new URL('bin/zmq-broker.js', brokerPackage))
const zmq = { ZMQ_HOST: '127.0.0.1', ZMQ_PUB: `${pub}`, ZMQ_SUB: `${sub}` }

/** What runs now, by name. @type {Map<string, import('node:child_process').ChildProcess>} */
const running = new Map()
let stopping = false

const broker = run('broker', 'magenta', brokerCommand, ['--pub', `${pub}`, '--sub', `${sub}`])
const servers = [
  run(`server ${first}`, 'cyan', here('server.js'), [], { ...zmq, PORT: `${first}` }),
  run(`server ${second}`, 'yellow', here('server.js'), [], { ...zmq, PORT: `${second}` }),
]
const worker = run('worker', 'green', here('worker.js'), [], zmq)

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop)

await Promise.all(
  servers.map((server) => new Promise((resolve) => server.once('message', resolve))),
)
console.log(`
  ${styled('bold', 'A chat on two servers')}

    ${styled('cyan', `http://localhost:${first}`)}    server ${first}    pid ${servers[0].pid}
    ${styled('yellow', `http://localhost:${second}`)}    server ${second}    pid ${servers[1].pid}

    worker    pid ${worker.pid}    says the time every two seconds
    broker    pid ${broker.pid}    publishers at port ${pub}, subscribers at port ${sub}

  Open both and let them talk. Then end one server, and see what the other says:
    kill -9 ${servers[1].pid}

  Ctrl-C stops everything.
`)

/**
 * @param {string} name
 * @param {Parameters<typeof styleText>[0]} colour
 * @param {string} file
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 */
function run(name, colour, file, args, env = {}) {
  const child = fork(file, args, {
    env: { ...process.env, ...env },
    execArgv: ['--import', import.meta.resolve('./with-parent.js')],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // In a group of its own, where Ctrl-C reaches only this process: it stops the others in order.
    detached: true,
  })
  running.set(name, child)

  const prefix = styled(colour, `${name.padEnd('server 65535'.length)} │`)
  for (const output of [child.stdout, child.stderr]) {
    if (!output) continue
    createInterface(output).on('line', (line) => {
      if (line) console.log(`${prefix} ${line}`)
    })
  }

  child.once('close', (code, signal) => {
    running.delete(name)
    if (stopping) return
    console.log(`${prefix} ${styled('red', `ended (${signal ?? `exit code ${code}`})`)}`)
    if (running.size === 0) process.exit(1)
    console.log(`${prefix} ${[...running.keys()].join(', ')}: they go on`)
    const settings = Object.entries(env).map((setting) => setting.join('='))
    const command = [...settings, 'node', relative(process.cwd(), file), ...args].join(' ')
    console.log(`${prefix} start it again with: ${command}`)
  })
  return child
}

/** Servers and worker first, so that they can still say goodbye through the broker. */
async function stop() {
  if (stopping) for (const child of running.values()) child.kill('SIGKILL')
  if (stopping) return
  stopping = true
  console.log('\nstopping (Ctrl-C again: at once)')
  const names = [...running.keys()]
  await Promise.all(names.filter((name) => name !== 'broker').map(end))
  await end('broker')
  console.log('all stopped')
  process.exit(0)
}

/** @param {string} name */
function end(name) {
  const child = running.get(name)
  if (!child) return
  return new Promise((resolve) => {
    const killer = setTimeout(() => {
      console.log(`${name} does not stop: killed it`)
      child.kill('SIGKILL')
    }, 8000)
    child.once('close', () => {
      clearTimeout(killer)
      resolve(undefined)
    })
    child.kill('SIGTERM')
  })
}

/**
 * The first port from this one upwards that nobody listens on.
 * @param {number} from
 */
async function freePort(from) {
  for (let port = from; port <= 65535; port++) {
    if (port !== 0 && taken.has(port)) continue
    const free = await tryPort(port)
    if (free === undefined || taken.has(free)) continue
    taken.add(free)
    return free
  }
  fail(`no free port from ${from} upwards`)
}

/**
 * @param {number} port
 * @returns {Promise<number | undefined>} the port, if it is free; for 0, any free one
 */
function tryPort(port) {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(undefined))
    probe.listen(port, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' ? address?.port : undefined))
    })
  })
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string', multiple: true, default: [process.env.PORT ?? '3001'] },
        pub: { type: 'string', default: '5555' },
        sub: { type: 'string', default: '5556' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    if (values.help) {
      console.log(help)
      process.exit(0)
    }
    if (values.port.length > 2) fail('--port can be given twice at most: there are two servers')
    return {
      ports: values.port.map((port) => portNumber('--port', port)),
      pub: portNumber('--pub', values.pub),
      sub: portNumber('--sub', values.sub),
    }
  } catch (err) {
    fail(err instanceof Error ? err.message : String(err))
  }
}

/**
 * @param {string} option
 * @param {string} value
 */
function portNumber(option, value) {
  const port = Number(value)
  if (/^\d+$/.test(value) && port <= 65535) return port
  return fail(`${option} must be a port, from 0 to 65535, not "${value}"`)
}

/** @param {string} file */
function here(file) {
  return fileURLToPath(new URL(file, import.meta.url))
}

/**
 * @param {Parameters<typeof styleText>[0]} style
 * @param {string} text
 */
function styled(style, text) {
  return process.stdout.isTTY && !process.env.NO_COLOR ? styleText(style, text) : text
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(`${message}\n\n${help}`)
  process.exit(1)
}
