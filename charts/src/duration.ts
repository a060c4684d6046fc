/** As the mesh writes times: `10s`, `250ms`. */
export function duration(millis: number): string {
  return millis % 1_000 === 0 ? `${millis / 1_000}s` : `${millis}ms`;
}
