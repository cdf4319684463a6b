import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the ports that systems give out by themselves (32768 and up on Linux). A broker comes back to
 * its port, which meanwhile nobody else may be given: not even a socket that looks for that broker,
 * and would find itself.
 */
const PORTS = { from: 15_000, to: 32_000 }

/** A TCP port on which nobody listens, and which stays free until somebody asks for it by number. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.from, PORTS.to)
    const server = createServer().listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    server.close()
    if (isFree) return port
  }
}
