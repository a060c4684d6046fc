/** A port from the environment; ends the process with code 2 when it is none. */
export function portSetting(name: string, fallback: number): number {
  const text = process.env[name];
  if (text === undefined || text === '') return fallback;
  if (/^[0-9]{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  console.error(`${name}: "${text}" is not a port`);
  process.exit(2);
}
