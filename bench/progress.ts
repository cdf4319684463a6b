const { stderr } = process

/** Shows what is being done: in place on a terminal, and nowhere else. */
export function showProgress(text: string): void {
  if (stderr.isTTY) stderr.write(`\r\x1b[K${text}`)
}
