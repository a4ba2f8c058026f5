// How a program under test talks with its test: one line of JSON each way. `settings` is the program's only argument.
import { createInterface } from "node:readline"

export const settings = JSON.parse(process.argv[3] ?? "{}")

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

/** Tell the test something. */
export function say(what) {
  process.stdout.write(JSON.stringify(what) + "\n")
}

/** Ask the test something, such as to send a person somewhere, and return what it answers. */
export async function ask(what) {
  say(what)
  return hear()
}

/** Wait for what the test tells. */
export async function hear() {
  return JSON.parse((await lines.next()).value)
}

/** Run the story that the test named, and end. What goes wrong in it is what it says last. */
export async function tell(stories) {
  try {
    await stories[process.argv[2]]()
  } catch (problem) {
    say(failure(problem))
  }
  process.exit(0)
}

/** Return what an error of these libraries says, however deep. */
export function failure(problem) {
  const cause = problem.cause ?? {}
  return {
    failed: problem.error ?? problem.code ?? problem.name,
    words: [problem.error_description, problem.message, cause.message, JSON.stringify(cause.body ?? cause)].join(" | "),
  }
}
