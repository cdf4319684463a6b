import { lookup } from 'node:dns/promises'

/**
 * Which of the endpoints that a socket was told to connect to an address belongs to. ZeroMQ's events
 * name a connection by its endpoint at first, and by the address that it was resolved to later.
 *
 * @returns `undefined` if it cannot be told
 */
export async function endpointOfAddress(
  address: string,
  endpoints: readonly string[],
): Promise<string | undefined> {
  if (endpoints.includes(address)) return address
  const [host, port] = parse(address)
  const onPort = endpoints.filter((endpoint) => parse(endpoint)[1] === port)
  if (onPort.length < 2) return onPort[0]
  const byAddress = onPort.find((endpoint) => parse(endpoint)[0] === host)
  if (byAddress !== undefined) return byAddress
  for (const endpoint of onPort) {
    const found = await lookup(parse(endpoint)[0], { all: true }).catch(() => [])
    if (found.some((one) => one.address === host)) return endpoint
  }
  return undefined
}

/** The host, without brackets and without the prefix of an IPv4 address in IPv6, and the port. */
function parse(endpoint: string): [host: string, port: string] {
  const [, host = '', port = ''] = /^tcp:\/\/(.*):(\d+)$/.exec(endpoint) ?? []
  return [host.replace(/^\[(.*)\]$/, '$1').replace(/^::ffff:(?=\d+\.)/, ''), port]
}
