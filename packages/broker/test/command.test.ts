import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  occupy,
  passOneFrame,
  portOf,
  runCommand,
  serve,
  temporaryFolder,
  until,
} from './support.js'

const { version } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as { version: string }

const paths = [
  ['ZMQ_BROKER_CURVE_KEY', '--curve-key'],
  ['ZMQ_BROKER_AUTHORIZED_KEYS', '--authorized-keys'],
] as const

const checked = [
  ['ZMQ_BROKER_PUB', '--pub'],
  ['ZMQ_BROKER_SUB', '--sub'],
  ['ZMQ_BROKER_HOST', '--host'],
  ['ZMQ_BROKER_EMITTER_SUB', '--emitter-sub'],
  ['ZMQ_BROKER_INSECURE', '--insecure'],
  ['ZMQ_BROKER_PUB_HWM', '--pub-hwm'],
  ['ZMQ_BROKER_SUB_HWM', '--sub-hwm'],
  ['ZMQ_BROKER_MAX_MESSAGE_SIZE', '--max-message-size'],
  ['ZMQ_BROKER_HEARTBEAT_INTERVAL', '--heartbeat-interval'],
  ['ZMQ_BROKER_HEARTBEAT_TIMEOUT', '--heartbeat-timeout'],
  ['ZMQ_BROKER_SETTLE_TIME', '--settle-time'],
] as const

const variables = [...checked, ...paths]

describe('zmq-broker', () => {
  it('says where it listens, and passes frames on', async () => {
    const running = await serve()
    const [pubPort, subPort] = Object.values(running.endpoints).map((text) => text.split(':')[2])
    expect(running.stdout()).toContain(`zmq-broker ${version}\n`)
    expect(running.stdout()).toContain(
      `io.adapter(zmqAdapter({ host: '127.0.0.1', pubPort: ${pubPort}, subPort: ${subPort} }))\n`,
    )
    expect(await passOneFrame(running.endpoints)).toEqual(['topic', 'body'])
    expect(running.stderr()).toBe('')
  })

  it('takes each option as a flag', async () => {
    const path = join(await temporaryFolder(), 'sub')
    const { endpoints } = await serve([
      ...['--pub', 'tcp://127.0.0.2:0', '--sub', `ipc://${path}`, '--host', 'localhost'],
      ...['--pub-hwm', '100', '--sub-hwm', '0', '--max-message-size', '512KiB'],
      ...['--heartbeat-interval', '0', '--heartbeat-timeout', '0', '--settle-time', '0'],
    ])
    expect(endpoints.pub).toMatch(/^tcp:\/\/127\.0\.0\.2:\d+$/)
    expect(endpoints.sub).toBe(`ipc://${path}`)
    expect(await passOneFrame(endpoints)).toEqual(['topic', 'body'])
  })

  it('takes each option from the environment', async () => {
    const path = join(await temporaryFolder(), 'sub')
    const { endpoints } = await serve([], {
      ZMQ_BROKER_PUB: '0',
      ZMQ_BROKER_SUB: `ipc://${path}`,
      ZMQ_BROKER_HOST: '127.0.0.3',
      ZMQ_BROKER_PUB_HWM: '100',
      ZMQ_BROKER_SUB_HWM: '100',
      ZMQ_BROKER_MAX_MESSAGE_SIZE: '1GiB',
      ZMQ_BROKER_HEARTBEAT_INTERVAL: '100',
      ZMQ_BROKER_HEARTBEAT_TIMEOUT: '10000',
    })
    expect(endpoints.pub).toMatch(/^tcp:\/\/127\.0\.0\.3:\d+$/)
    expect(endpoints.sub).toBe(`ipc://${path}`)
    expect(await passOneFrame(endpoints)).toEqual(['topic', 'body'])
  })

  it('puts a flag above the environment, even where that makes no sense', async () => {
    const { endpoints } = await serve(['--host', '127.0.0.1'], { ZMQ_BROKER_HOST: 'no host' })
    expect(endpoints.pub).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/)
  })

  it('listens on the same ports at once after it was killed', async () => {
    const killed = await serve()
    const { pub, sub } = killed.endpoints
    expect(await passOneFrame({ pub, sub })).toEqual(['topic', 'body'])
    killed.child.kill('SIGKILL')
    expect(await killed.exit).toBe('SIGKILL')
    const next = await serve(['--pub', pub, '--sub', sub])
    expect(next.endpoints).toEqual({ pub, sub })
  })

  it('serves on when nobody reads what it prints', async () => {
    const running = runCommand(['--pub', '0', '--sub', '0'], { DEBUG: 'zmq-broker' })
    running.child.stdout.destroy()
    let endpoints = { pub: '', sub: '' }
    await until(() => {
      const [, pub, sub] =
        /publishers connect to (\S+), subscribers to (\S+)/.exec(running.stderr()) ?? []
      if (pub === undefined || sub === undefined) throw new Error('it does not listen yet')
      endpoints = { pub, sub }
    })
    expect(await passOneFrame(endpoints)).toEqual(['topic', 'body'])
    running.child.kill('SIGTERM')
    expect(await running.exit).toBe(0)
  })
})

describe('zmq-broker ends with exit code 0', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('on %s', async (signal) => {
    const running = await serve()
    running.child.kill(signal)
    expect(await running.exit).toBe(0)
    expect(running.stderr()).toBe('')
  })

  it('on several signals at once', async () => {
    const running = await serve()
    running.child.kill('SIGTERM')
    running.child.kill('SIGINT')
    running.child.kill('SIGTERM')
    expect(await running.exit).toBe(0)
    expect(running.stderr()).toBe('')
  })
})

describe('zmq-broker fails with one line and exit code 1', () => {
  async function failure(args: string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
    const running = runCommand(args, env)
    expect(await running.exit).toBe(1)
    expect(running.stdout()).toBe('')
    const [line = '', ...rest] = running.stderr().split('\n')
    expect(rest, running.stderr()).toEqual([''])
    return line
  }

  it('when a port is in use', async () => {
    const port = portOf(await occupy({ port: 0 }))
    expect(await failure(['--pub', `${port}`, '--sub', '0'])).toBe(
      `zmq-broker: port ${port} on 127.0.0.1 is already in use: ` +
        'stop what listens there, or choose another port with --pub',
    )
    expect(await failure(['--pub', '0', '--sub', `${port}`])).toContain('port with --sub')
  })

  it('when it runs already', async () => {
    const { endpoints } = await serve()
    const { pub, sub } = endpoints
    expect(await failure(['--pub', pub, '--sub', sub])).toContain('is already in use')
    expect(await passOneFrame(endpoints)).toEqual(['topic', 'body'])
  })

  it.each([
    [['--pubb', '1'], "unknown option '--pubb' (Did you mean --pub?)"],
    [['5555'], 'too many arguments'],
    [['--host'], "option '--host <address>' argument missing"],
    [['--pub', '70000'], "'70000' is invalid. It must be a port from 0 to 65535"],
    [['--pub', '5000', '--sub', '5000'], '--sub must not be where publishers connect; it is'],
    [['--pub-hwm', '-1'], "'-1' is invalid. It must be a whole number of frames"],
    [['--sub-hwm', 'many'], "'many' is invalid. It must be a whole number of frames"],
    [['--max-message-size', '12MB'], "'12MB' is invalid. It must be a whole number of bytes"],
    [['--heartbeat-interval', '1s'], "'1s' is invalid. It must be a whole number of milliseconds"],
    [
      ['--insecure', '--host', '192.0.2.1'],
      'choose one that is, or 0.0.0.0 for all of them, with --host',
    ],
    [['--pub', 'ipc:///nonsense/pub'], 'create it, or choose another path with --pub'],
  ])('on %o', async (args, problem) => {
    const line = await failure(args)
    expect(line).toMatch(/^zmq-broker: /)
    expect(line).toContain(problem)
  })

  it.each(checked)('on nonsense in %s', async (variable, flag) => {
    const line = await failure([], { [variable]: 'no such thing' })
    expect(line).toMatch(new RegExp(`^zmq-broker: option '${flag} [<[]`))
    expect(line).toContain(`value 'no such thing' from env '${variable}' is invalid. It must be `)
  })
})

describe('zmq-broker tells', () => {
  it('its version', async () => {
    const running = runCommand(['--version'])
    expect(await running.exit).toBe(0)
    expect(running.stdout()).toBe(`${version}\n`)
  })

  it('its options, in 80 columns', async () => {
    const running = runCommand(['--help'])
    expect(await running.exit).toBe(0)
    const lines = running.stdout().split('\n')
    for (const [, flag] of variables) expect(running.stdout()).toMatch(new RegExp(`  ${flag} [<[]`))
    expect(lines.filter((line) => line.length > 80)).toEqual([])
  })

  it('in its README what it takes', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
    for (const [variable, flag] of variables) {
      expect(readme).toMatch(new RegExp(`\\| \`${flag}\` \\|.*\`${variable}\``))
    }
  })
})
