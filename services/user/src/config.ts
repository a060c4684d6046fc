import { readServiceConfig } from '@sagamesh/kit/service-config';
import { integerVariable } from '@sagamesh/runtime/config';
import { z } from 'zod';
import { emailSchema, newPasswordSchema } from './user-requests.ts';

/** The environment of the user service; the kit adds what every service reads. */

const userVariables = {
  /** `keys.json` of packages/contracts/src/signing-keys.ts; looked at once a second. */
  SIGNING_KEYS_FILE: z.string('expected the file with the keys that tokens are signed with'),
  /** A stolen token is good for this long, and a retired key is kept for longer than this. */
  TOKEN_TTL_SECONDS: integerVariable(60, 86_400).default(3_600),
  /** Both or none: the first administrator, made when nobody has this address. */
  ADMIN_EMAIL: emailSchema.optional(),
  ADMIN_PASSWORD: newPasswordSchema.optional(),
};

/** Ends the process with exit code 2 when the environment is wrong, and says what is. */
export function readUserConfig() {
  const config = readServiceConfig(userVariables, { tokens: true });
  const { ADMIN_EMAIL: email, ADMIN_PASSWORD: password } = config;
  if ((email === undefined) !== (password === undefined)) {
    process.stderr.write(
      'The configuration is wrong: set both of ADMIN_EMAIL and ADMIN_PASSWORD, or neither\n',
    );
    process.exit(2);
  }
  const admin = email === undefined || password === undefined ? undefined : { email, password };
  return { ...config, admin };
}
