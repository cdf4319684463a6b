/** Values of every kind. */
export const STRANGE = [
  null,
  true,
  0,
  -1,
  1.5,
  'text',
  Buffer.from('bytes'),
  [],
  [[]],
  [{}],
  {},
  { a: 1 },
]

/** Those that are of none of these kinds. */
export function strangeBut(
  ...kinds: ('text' | 'binary' | 'number' | 'array' | 'map')[]
): unknown[] {
  return STRANGE.filter((value) => !(kinds as string[]).includes(kindOf(value)))
}

function kindOf(value: unknown): string {
  if (typeof value === 'string') return 'text'
  if (Buffer.isBuffer(value)) return 'binary'
  if (typeof value !== 'object' || value === null) return typeof value
  return Array.isArray(value) ? 'array' : 'map'
}
