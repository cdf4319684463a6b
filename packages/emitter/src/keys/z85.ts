/**
 * Keys as text: Z85, ZeroMQ's RFC 32. Four bytes are five printable characters, so that the 32 bytes
 * of a CURVE key are 40 characters.
 */
const ALPHABET =
  '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#'

const KEY_BYTES = 32
const KEY_CHARACTERS = 40

/** Writes bytes, a multiple of four of them, as Z85. */
export function encodeZ85(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let text = ''
  for (let at = 0; at < bytes.length; at += 4) {
    let value = view.getUint32(at)
    let group = ''
    for (let i = 0; i < 5; i++) {
      group = ALPHABET[value % 85] + group
      value = Math.floor(value / 85)
    }
    text += group
  }
  return text
}

/** The 32 bytes of a key, or `undefined` if the text is none. */
export function decodeKey(text: string): Buffer | undefined {
  if (text.length !== KEY_CHARACTERS) return undefined
  const bytes = Buffer.alloc(KEY_BYTES)
  for (let at = 0; at < KEY_CHARACTERS; at += 5) {
    let value = 0
    for (let i = at; i < at + 5; i++) {
      const digit = ALPHABET.indexOf(text.charAt(i))
      if (digit === -1) return undefined
      value = value * 85 + digit
    }
    if (value > 0xffff_ffff) return undefined
    bytes.writeUInt32BE(value, (at / 5) * 4)
  }
  return bytes
}

/** Whether the text has the form of a CURVE key, public or secret: the two look alike. */
export function isKey(text: unknown): text is string {
  return typeof text === 'string' && decodeKey(text) !== undefined
}
