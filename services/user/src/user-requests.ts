import { boundedText } from '@sagamesh/contracts/bounded-text';
import { contactSchema } from '@sagamesh/contracts/order';
import { z } from 'zod';

/** What comes in over HTTP. Bodies are strict: a misspelt field is an error, not a surprise. */

/** Bounds of a new password, in characters (OWASP ASVS 4.0.3, 2.1.1 and 2.1.2: at least 12, more than 128 denied). */
export const passwordLength = { min: 12, max: 128 } as const;
const nameLengthMax = 100;

/** In lower case: one account per address, however it is typed. ASCII only, so no two letters look alike. */
export const emailSchema = contactSchema.shape.email.unwrap().transform((email) => email.toLowerCase());

/** One form for what looks the same on different keyboards (NIST SP 800-63B, 5.1.1.2: NFKC or NFKD before hashing). */
const passwordText = boundedText(passwordLength.max).transform((password) => password.normalize('NFKC'));

export const newPasswordSchema = passwordText.refine(
  (password) => Array.from(password).length >= passwordLength.min,
  `at least ${passwordLength.min} characters`,
);

export const registrationSchema = z.strictObject({
  name: boundedText(nameLengthMax)
    // PostgreSQL has no character for NUL, and names are shown in one line.
    .refine((name) => name.trim() !== '' && !/\p{Cc}/u.test(name), 'a name, without control characters'),
  email: emailSchema,
  password: newPasswordSchema,
});
export type Registration = Readonly<z.infer<typeof registrationSchema>>;

/** The password has no lower bound here: a wrong one is answered like any other. */
export const credentialsSchema = z.strictObject({ email: emailSchema, password: passwordText });
export type Credentials = Readonly<z.infer<typeof credentialsSchema>>;

/** `before`: the `nextBefore` of the page before this one. */
export const listQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  before: z.coerce.number().int().min(1).optional(),
});
