import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Db, Tx } from '../db.ts';
import { idempotent } from '../idempotency-key.ts';

/** Idempotency keys on a database with the kit's tables. What HTTP adds is tested in idempotency-key.int.test.ts. */
export function describeIdempotencyKeys(name: string, open: () => Promise<Db>): void {
  describe(`idempotency keys on ${name}`, () => {
    let db: Db;
    beforeAll(async () => {
      db = await open();
    });
    afterAll(() => db.close());

    let effects = 0;
    const effect = async (tx: Tx) => {
      effects += 1;
      await tx.query(
        'insert into inbox(event_id, handler) values ($1, $2) on conflict do nothing returning 1 as one',
        [randomUUID(), 'idempotency'],
      );
      return { status: 201, body: { number: effects }, headers: { location: '/1' } };
    };
    const post = (key: string, body: object, caller = 'ada', does = effect) =>
      idempotent(db, { method: 'POST', baseUrl: '', path: '/notes', body, header: () => key }, caller, does);

    test('a repeated request gets the first answer, and its effect is not made again', async () => {
      const key = randomUUID();
      const first = await post(key, { text: 'a' });
      const before = effects;
      expect(await post(key, { text: 'a' })).toEqual({ ...first, replayed: true });
      expect(effects).toBe(before);
    });

    test('the same key with another body is refused with 422', async () => {
      const key = randomUUID();
      await post(key, { text: 'a' });
      await expect(post(key, { text: 'b' })).rejects.toMatchObject({ status: 422 });
    });

    test('the key of another caller is another key', async () => {
      const key = randomUUID();
      await post(key, { text: 'a' });
      expect(await post(key, { text: 'a' }, 'bob')).toMatchObject({ replayed: false });
    });

    test('when the effect throws nothing is kept, and the key is free', async () => {
      const key = randomUUID();
      const failing = async (tx: Tx) => {
        await effect(tx);
        throw new Error('no');
      };
      await expect(post(key, { text: 'a' }, 'ada', failing)).rejects.toThrow('no');
      expect(await post(key, { text: 'a' })).toMatchObject({ replayed: false });
    });
  });
}
