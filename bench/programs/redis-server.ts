/**
 * Runs a `redis-server` that keeps nothing on disk, and ends it with itself: so it outlives the
 * benchmark in no case.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { serve } from '../calls.js'
import type { MiddleApi } from '../systems.js'

const host = '127.0.0.1'
const port = await freePort()
const redis = spawn(
  'redis-server',
  ['--bind', host, '--port', `${port}`, '--save', '', '--appendonly', 'no'],
  { stdio: ['ignore', 'pipe', 'inherit'] },
)
const end = () => redis.kill('SIGKILL')
process.on('exit', end)
redis.on('exit', () => process.exit())

let log = ''
redis.stdout.on('data', (text) => {
  log += text
})
while (!log.includes('Ready to accept connections')) await once(redis.stdout, 'data')

async function freePort(): Promise<number> {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no free TCP port')
  return address.port
}

serve<MiddleApi>(
  { address: () => ({ middle: { kind: 'redis-server', port }, pid: redis.pid as number }) },
  end,
)
