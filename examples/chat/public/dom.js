// @ts-check

/**
 * Makes an element. What people wrote goes in as text, never as HTML.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {...(Node | string)} children
 */
export function element(tag, className, ...children) {
  const made = document.createElement(tag)
  if (className) made.className = className
  made.append(...children)
  return made
}

/** @param {string} id */
export function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id))
}

/** @type {Map<string, number>} */
const colours = new Map()

/**
 * The number of the colour that stands for a server: mostly the same one on every page, and never
 * that of another server as long as there are enough.
 * @param {string} server
 */
export function colourOf(server) {
  const taken = new Set(colours.values())
  let colour = colours.get(server) ?? (Number(server) || 0) % 6
  while (!colours.has(server) && taken.has(colour) && taken.size < 6) colour = (colour + 1) % 6
  colours.set(server, colour)
  return String(colour)
}

const hoursAndMinutes = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const toTheSecond = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})

/**
 * @param {number} at in ms since 1970
 * @param {{ seconds?: boolean }} [options]
 */
export function timeOf(at, { seconds = false } = {}) {
  return (seconds ? toTheSecond : hoursAndMinutes).format(at)
}
