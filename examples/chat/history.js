// @ts-check

/**
 * @typedef {object} Said
 * @property {string} id made by the page that said it
 * @property {string} text
 * @property {number} at when the server heard it, in ms since 1970
 * @property {string} name who said it
 * @property {string} room
 * @property {string} server the server that heard it
 */

/** The latest messages of all rooms, each of them once. */
export class History {
  #latest
  /** @type {Map<string, Said>} */
  #messages = new Map()

  /** @param {number} latest how many messages it keeps */
  constructor(latest) {
    this.#latest = latest
  }

  /** @param {Said} said */
  add(said) {
    if (this.#messages.has(said.id)) return
    this.#messages.set(said.id, said)
    for (const oldest of this.#messages.keys()) {
      if (this.#messages.size <= this.#latest) break
      this.#messages.delete(oldest)
    }
  }

  /** @param {string} id */
  get(id) {
    return this.#messages.get(id)
  }

  /** @param {string} room */
  of(room) {
    return this.all().filter((said) => said.room === room)
  }

  all() {
    return [...this.#messages.values()]
  }
}
