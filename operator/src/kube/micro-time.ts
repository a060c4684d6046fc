/** MicroTime as the API server reads it: exactly six fraction digits, or the object is refused with 400. */
export function formatMicroTime(wallMillis: number): string {
  return new Date(wallMillis).toISOString().replace('Z', '000Z');
}
