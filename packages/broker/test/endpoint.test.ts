import fc from 'fast-check'
import { expect, it } from 'vitest'
import { collide, formatEndpoint, parseEndpoint } from '../src/endpoint.js'

const endpoints = fc.oneof(
  fc.record({
    transport: fc.constant('tcp' as const),
    host: fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()),
    port: fc.nat(65_535),
  }),
  fc.record({
    transport: fc.constant('ipc' as const),
    path: fc.stringMatching(/^[@/a-z][ -~]*$/),
  }),
)

it('an endpoint is read as it was written', () => {
  fc.assert(
    fc.property(endpoints, (endpoint) => {
      expect(parseEndpoint(formatEndpoint(endpoint))).toEqual(endpoint)
    }),
  )
})

it('any other text is no endpoint, and no error', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((text) => `tcp://${text}`),
      ),
      (text) => {
        const endpoint = parseEndpoint(text)
        if (endpoint?.transport === 'tcp') expect(endpoint.port).toBeLessThanOrEqual(65_535)
        else expect(endpoint).toBeUndefined()
      },
    ),
  )
})

it('an endpoint collides with itself, unless the system picks its port', () => {
  fc.assert(
    fc.property(endpoints, (endpoint) => {
      const picked = endpoint.transport === 'tcp' && endpoint.port === 0
      expect(collide(endpoint, endpoint)).toBe(!picked)
    }),
  )
})
