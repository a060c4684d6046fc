import { describe, expect, it } from 'vitest';
import { orders, problemJson, users, type MeshClient } from './mesh-client.ts';

/** Who gets past the gateway, and to which paths. */

export function describeTokens(mesh: MeshClient): void {
  const { get, outside, post } = mesh;

  describe('tokens at the gateway', () => {
    it.each([
      ['no token', undefined],
      ['an expired token', 'expired'],
      ['a token of another issuer', 'wrongIssuer'],
      ['a token for somebody else', 'wrongAudience'],
      ['a token of another key', 'wrongKey'],
    ] as const)('refuses %s, as a problem, and the service hears nothing of it', async (_what, which) => {
      const headers = which === undefined ? {} : { authorization: mesh.tokens[which] };
      const answers = await mesh.site.send('outside', [
        { url: orders, headers },
        { ...post(orders), headers },
        { url: `${orders}/some-order`, headers },
        { url: users, headers },
      ]);
      for (const answer of answers) {
        expect([401, 403]).toContain(answer.status);
        expect(answer.headers['content-type']).toContain(problemJson);
        expect(JSON.parse(answer.body)).toMatchObject({ status: answer.status });
        expect(answer.headers['x-correlation-id']).toMatch(/./);
      }
      expect(await mesh.site.standIn('order').seen()).toEqual([]);
      expect(await mesh.site.standIn('user').seen()).toEqual([]);
    });

    it('reads no token from an address, which ends in logs', async () => {
      const [, token = ''] = mesh.tokens.good.split(' ');
      const answer = await outside({ url: `${orders}?access_token=${token}` });
      expect([401, 403]).toContain(answer.status);
      expect(await mesh.site.standIn('order').seen()).toEqual([]);
    });

    it('lets a good token through, and passes it on for the service to verify', async () => {
      const answers = await mesh.site.send('outside', [
        get(orders),
        post(orders),
        get(`${orders}/some-order`),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      const seen = await mesh.site.standIn('order').seen();
      expect(seen).toHaveLength(3);
      for (const request of seen) expect(request.headers['authorization']).toBe(mesh.tokens.good);
    });

    it('asks for no token where one is given out', async () => {
      const answers = await mesh.site.send('outside', [
        { ...post(users), headers: {} },
        { ...post(`${users}/token`), headers: {} },
        { url: '/.well-known/jwks.json' },
      ]);
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    });

    it('knows one spelling of a path, and refuses one that could be read in two ways', async () => {
      const answers = await mesh.site.send('outside', [get(`${orders}//x`), get(`${users}/..%2Forders`)]);
      expect(answers.map(({ status }) => status)).toEqual([200, 400]);
      expect((await mesh.site.standIn('order').seen()).map(({ url }) => url)).toEqual([`${orders}/x`]);
      expect(await mesh.site.standIn('user').seen()).toEqual([]);
    });

    it('knows no path but those of the API', async () => {
      const answers = await mesh.site.send('outside', [get('/'), get('/metrics'), get('/api/v1/payments/x')]);
      for (const { status } of answers) expect([403, 404]).toContain(status);
      expect(await mesh.site.standIn('order').seen()).toEqual([]);
    });
  });
}
