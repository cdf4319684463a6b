/** FNV-1a, 32 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */

export const FNV_OFFSET = 0x811c9dc5
export const FNV_PRIME = 0x01000193

/**
 * @param hash - of what stands before, to be continued
 * @returns 32 bits, with a sign
 */
export function fnv1a(bytes: Uint8Array, start: number, end: number, hash = FNV_OFFSET): number {
  let h = hash
  for (let i = start; i < end; i++) h = Math.imul(h ^ (bytes[i] as number), FNV_PRIME)
  return h
}
