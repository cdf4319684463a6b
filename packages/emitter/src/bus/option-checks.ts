import { OptionError } from './errors.js'

/** Options that are taken, and not told of. */
const INTERNAL_OPTIONS: readonly string[] = ['direct', 'sequences', 'gathering']

/**
 * Checks that an option is an integer within its bounds.
 * @throws OptionError
 */
export function integerOption(
  name: string,
  value: unknown,
  defaultValue: number,
  min: number,
  max: number,
): number {
  if (value === undefined) return defaultValue
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) {
    return value as number
  }
  throw invalid(name, `an integer from ${min} to ${max}`, value)
}

/**
 * Checks that an option is one of a few words.
 * @throws OptionError
 */
export function choiceOption<Choice extends string>(
  name: string,
  value: unknown,
  defaultValue: Choice,
  choices: readonly Choice[],
): Choice {
  if (value === undefined) return defaultValue
  const choice = choices.find((choice) => choice === value)
  if (choice !== undefined) return choice
  throw invalid(name, choices.map((choice) => JSON.stringify(choice)).join(' or '), value)
}

/**
 * Refuses an option whose name is not known, since it is most often a slip of the pen.
 * @throws OptionError
 */
export function rejectUnknownOptions(options: object, known: readonly string[], prefix = ''): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name) || INTERNAL_OPTIONS.includes(prefix + name)) continue
    throw new OptionError(
      `unknown option ${prefix}${name}: the options are ${known.map((k) => prefix + k).join(', ')}`,
    )
  }
}

/** The error for an option with a value that it may not have. */
export function invalid(name: string, expected: string, value: unknown): OptionError {
  const shown = typeof value === 'string' ? JSON.stringify(value) : describe(value)
  return new OptionError(`option ${name} must be ${expected}, and not ${shown}`)
}

function describe(value: unknown): string {
  if (typeof value === 'object' && value !== null) {
    return Array.isArray(value) ? `an array of ${value.length}` : `a ${value.constructor?.name}`
  }
  return String(value)
}
