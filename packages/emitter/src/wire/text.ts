/**
 * Text in a frame's bytes. Most of it is short and all ASCII, and for that Node has methods of its
 * buffers that take half of the time of those for UTF-8.
 */

/**
 * What Node's documentation leaves out (https://github.com/nodejs/node/issues/46467): it spares a
 * message the search for an encoding's name, 0.03 us of the 0.08 in which its text is read. Where a
 * Node should not have them any more, the documented methods do the same.
 */
interface Undocumented {
  latin1Slice(start: number, end: number): string
  latin1Write(text: string, offset: number, length: number): number
  utf8Slice(start: number, end: number): string
  utf8Write(text: string, offset: number, length: number): number
}

type NodeBuffer = Buffer & Undocumented

const isThere = (['latin1Slice', 'latin1Write', 'utf8Slice', 'utf8Write'] as const).every(
  (name) => typeof (Buffer.prototype as NodeBuffer)[name] === 'function',
)

/** Up to this many characters, a loop over the bytes is faster than a call into native code. */
export const SHORT_TEXT = 24
/** Up to this many bytes, a loop over them takes less than what is spared if they are ASCII. */
const MAX_SCANNED = 256

/** The text of bytes in UTF-8. */
export function readText(buf: Buffer, start: number, end: number): string {
  if (end - start <= SHORT_TEXT) {
    let text = ''
    let i = start
    for (; i < end; i++) {
      const code = buf[i] as number
      if (code > 0x7f) break
      text += String.fromCharCode(code)
    }
    if (i === end) return text
  }
  return isThere ? (buf as NodeBuffer).utf8Slice(start, end) : buf.toString('utf8', start, end)
}

/**
 * Writes text in UTF-8, as much of it as the buffer has room for.
 * @returns how many bytes it takes
 */
export function writeText(buf: Buffer, text: string, at: number): number {
  return isThere
    ? (buf as NodeBuffer).utf8Write(text, at, buf.length - at)
    : buf.write(text, at, 'utf8')
}

/** Whether bytes are few, and all of them ASCII; of more it is not worth the while to know. */
export function isShortAscii(buf: Buffer, start: number, end: number): boolean {
  if (end - start > MAX_SCANNED) return false
  let bits = 0
  for (let i = start; i < end; i++) bits |= buf[i] as number
  return bits < 0x80
}

/** The text of bytes that are ASCII. */
export function readAscii(buf: Buffer, start: number, end: number): string {
  return isThere ? (buf as NodeBuffer).latin1Slice(start, end) : buf.toString('latin1', start, end)
}

/** Writes text that is ASCII, into a buffer that has room for it. */
export function writeAscii(buf: Buffer, text: string, at: number): void {
  if (isThere) (buf as NodeBuffer).latin1Write(text, at, text.length)
  else buf.write(text, at, 'latin1')
}
