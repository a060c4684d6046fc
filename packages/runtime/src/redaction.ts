/**
 * What never appears in a log line: e-mail addresses, telephone numbers, payment methods, card numbers, credentials. Two nets, because
 * either alone has holes: values under telling keys at any depth, and patterns in the finished line (error texts quote what they refuse).
 */

const censored = '[redacted]';

const secretKeys: ReadonlySet<string> = new Set([
  'email',
  'phone',
  'contact',
  'paymentmethod',
  'payment_method',
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'password',
  'token',
  'secret',
  'apikey',
  'idempotencykey',
  'idempotency-key',
  'cardnumber',
]);

/** Deeper values are cut: log lines are for reading. */
const depthMax = 8;

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function cleaned(value: unknown, depth: number): unknown {
  if (Array.isArray(value)) return depth >= depthMax ? '[deep]' : value.map((one) => cleaned(one, depth + 1));
  if (!isPlain(value)) return value;
  return depth >= depthMax ? '[deep]' : cleanedObject(value, depth);
}

function cleanedObject(value: Readonly<Record<string, unknown>>, depth: number): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) {
    const hide = secretKeys.has(key.toLowerCase()) && inner !== undefined && inner !== null;
    result[key] = hide ? censored : cleaned(inner, depth + 1);
  }
  return result;
}

/** A copy in which the values of telling keys are hidden. */
export function redactObject(value: Record<string, unknown>): Record<string, unknown> {
  return cleanedObject(value, 0);
}

/** Quantifiers are bounded, so that a long line costs linear time. */
const email = /[\w.%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}\.[A-Za-z]{2,24}/g;
const urlCredentials = /:\/\/[^\s/@"]{1,256}@/g;
const paymentMethod = /\bpm_\w{1,64}/g;
const stripeKey = /\b[sr]k_(?:test|live)_\w{1,128}/g;
const bearer = /\b(Bearer|Basic)\s+[\w.~+/=-]{1,4096}/gi;
const phone = /\+\d(?:[ -]?\d){6,14}/g;
const cardCandidate = /(?<![\w.-])\d(?:[ -]?\d){13,18}(?![\w.-])/g;

/** ISO/IEC 7812 check digit: tells card numbers from other long numbers. */
function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length; index += 1) {
    const digit = Number(digits[digits.length - 1 - index]);
    const doubled = index % 2 === 0 ? digit : digit * 2;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** Hides what looks like personal or secret data in any text. */
export function redactText(text: string): string {
  let result = text;
  if (result.includes('@'))
    result = result.replace(email, censored).replace(urlCredentials, `://${censored}@`);
  if (result.includes('pm_')) result = result.replace(paymentMethod, censored);
  if (result.includes('k_')) result = result.replace(stripeKey, censored);
  if (result.includes('+')) result = result.replace(phone, censored);
  return result
    .replace(bearer, `$1 ${censored}`)
    .replace(cardCandidate, (found) => (passesLuhn(found.replace(/[ -]/g, '')) ? censored : found));
}
