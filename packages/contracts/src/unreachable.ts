/** For the `default` of an exhaustive switch: that it compiles proves that no case is missing. */
export function unreachable(value: never): never {
  throw new Error(`unreachable case: ${JSON.stringify(value)}`);
}
