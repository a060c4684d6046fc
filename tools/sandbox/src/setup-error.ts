/** Something on this machine must be changed by a person before a retry can help; the message says what. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
}
