/** What every token says of itself, and everybody who verifies one insists on. */

/** `iss`: the user service. A name, not an address: nobody fetches anything from it. */
export const tokenIssuer = 'https://users.sagamesh.local';

/** `aud` */
export const tokenAudience = 'sagamesh';
