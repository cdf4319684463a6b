/** Takes out of a map what it has held for longest, and returns its key. */
export function forgetOldest<Key>(map: Map<Key, unknown>): Key | undefined {
  for (const oldest of map.keys()) {
    map.delete(oldest)
    return oldest
  }
  return undefined
}
