import { createPrivateKey, createPublicKey } from 'node:crypto'
import { curveKeyPair } from 'zeromq'
import { decodeKey, encodeZ85 } from './z85.js'

/** A public key and the secret key that goes with it, as Z85. */
export interface KeyPair {
  publicKey: string
  secretKey: string
}

/** PKCS #8 before the 32 bytes of an X25519 key (RFC 8410); CURVE's keys are such keys. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b656e04220420', 'hex')
const PUBLIC_KEY_BYTES = 32

/** Makes a new pair of keys. */
export function makeKeyPair(): KeyPair {
  return curveKeyPair()
}

/**
 * The public key that goes with a secret one.
 * @throws TypeError if the text is no key
 */
export function publicKeyOf(secretKey: string): string {
  const bytes = decodeKey(secretKey)
  if (bytes === undefined) throw new TypeError('a key is 40 characters of Z85')
  const secret = createPrivateKey({
    key: Buffer.concat([PKCS8_HEAD, bytes]),
    format: 'der',
    type: 'pkcs8',
  })
  const spki = createPublicKey(secret).export({ format: 'der', type: 'spki' })
  return encodeZ85(spki.subarray(-PUBLIC_KEY_BYTES))
}
