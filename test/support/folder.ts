import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder in the system's temporary one, empty and short enough a path for an ipc endpoint. */
export async function temporaryFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'sioz-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}
