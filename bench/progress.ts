const { stderr } = process
const began = performance.now()
/** Leaves room for what a narrow terminal would break. */
const MAX_WIDTH = 99

/** Says what is being done: in place on a terminal, in lines of its own elsewhere. */
export function showProgress(text: string): void {
  const seconds = Math.floor((performance.now() - began) / 1e3)
  const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
  const line = `[${clock}] ${text}`.slice(0, MAX_WIDTH)
  stderr.write(stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`)
}

/** Clears the place for the results. */
export function endProgress(): void {
  if (stderr.isTTY) stderr.write('\r\x1b[K')
}
