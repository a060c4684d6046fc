/**
 * The first so many UTF-16 units, and never half a character: the API server would store a replacement character for it, and what we read
 * back would differ from what we wrote.
 */
export function cutText(text: string, unitsMax: number): string {
  const cut = text.slice(0, unitsMax);
  const last = cut.charCodeAt(cut.length - 1);
  const isHalf = cut.length < text.length && last >= 0xd8_00 && last <= 0xdb_ff;
  return isHalf ? cut.slice(0, -1) : cut;
}
