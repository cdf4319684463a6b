import { describe, expect, it } from 'vitest'
import { announce, warning } from '../src/announcement.js'

describe('the announcement', () => {
  it('says where to connect and what to paste into a server', () => {
    const endpoints = { pub: 'tcp://127.0.0.1:5555', sub: 'tcp://127.0.0.1:5556' }
    expect(announce('1.2.3', endpoints)).toBe(
      [
        'zmq-broker 1.2.3',
        '  publishers connect to   tcp://127.0.0.1:5555',
        '  subscribers connect to  tcp://127.0.0.1:5556',
        '',
        'In a Socket.IO server:',
        '',
        "  io.adapter(zmqAdapter({ host: '127.0.0.1', pubPort: 5555, subPort: 5556 }))",
      ].join('\n'),
    )
  })

  it('says where emitters subscribe, and what keys there are', () => {
    const endpoints = {
      pub: 'tcp://10.0.0.5:5555',
      sub: 'tcp://10.0.0.5:5556',
      emitterSub: 'tcp://10.0.0.5:5557',
    }
    const publicKey = 'Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID'
    const keys = { publicKey, authorizedKeys: 'clients', nodes: 2, emitters: 1 }
    expect(announce('1.2.3', endpoints, keys)).toBe(
      [
        'zmq-broker 1.2.3',
        '  publishers connect to   tcp://10.0.0.5:5555',
        '  subscribers connect to  tcp://10.0.0.5:5556',
        '  emitters subscribe at   tcp://10.0.0.5:5557',
        `  public key              ${publicKey}`,
        '  authorised              2 servers and 1 emitter (clients)',
        '',
        'In a Socket.IO server:',
        '',
        '  io.adapter(zmqAdapter({',
        "    host: '10.0.0.5', pubPort: 5555, subPort: 5556,",
        `    curve: { serverKey: '${publicKey}', secretKey: 'server.key' },`,
        '  }))',
        '',
        'In an emitter:',
        '',
        '  new Emitter({',
        "    host: '10.0.0.5', pubPort: 5555, subPort: 5557,",
        `    curve: { serverKey: '${publicKey}', secretKey: 'emitter.key' },`,
        '  })',
      ].join('\n'),
    )
  })

  it('asks for the name of the machine where the broker listens on every address', () => {
    const text = announce('1.2.3', { pub: 'tcp://0.0.0.0:5555', sub: 'tcp://0.0.0.0:5556' })
    expect(text).toContain("{ host: 'HOST', pubPort: 5555, subPort: 5556 }")
    expect(text).toContain('with the name or address of this machine in place of HOST.')
  })

  it.each([
    [
      { pub: 'ipc:///tmp/pub', sub: 'ipc:///tmp/sub' },
      "brokers: [{ pub: 'ipc:///tmp/pub', sub: 'ipc:///tmp/sub' }]",
    ],
    [
      { pub: 'tcp://[::]:5555', sub: 'ipc:///tmp/sub' },
      "brokers: [{ pub: 'tcp://HOST:5555', sub: 'ipc:///tmp/sub' }]",
    ],
    [
      { pub: 'tcp://127.0.0.1:5555', sub: 'tcp://127.0.0.2:5556' },
      "brokers: [{ pub: 'tcp://127.0.0.1:5555', sub: 'tcp://127.0.0.2:5556' }]",
    ],
  ])('names both endpoints where there is no one host: %o', (endpoints, options) => {
    expect(announce('1.2.3', endpoints)).toContain(options)
  })
})

describe('the warning', () => {
  it.each([
    ['tcp://0.0.0.0:5555'],
    ['tcp://192.0.2.1:5555'],
    ['tcp://[::]:5555'],
    ['tcp://[2001:db8::1]:5555'],
  ])('is given in one line where others can connect: %s', (pub) => {
    const text = `Warning: ${warning({ pub, sub: 'tcp://127.0.0.1:5556' })}`
    expect(text).toContain('anyone who reaches these ports can read and send anything')
    expect(text.length).toBeLessThan(80)
  })

  it.each([['tcp://127.0.0.1:5555'], ['tcp://127.1.2.3:5555'], ['tcp://[::1]:5555'], ['ipc:///a']])(
    'is not given where they cannot: %s',
    (sub) => {
      expect(warning({ pub: 'tcp://127.0.0.1:5555', sub })).toBeUndefined()
    },
  )
})
