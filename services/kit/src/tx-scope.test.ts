import { expect, test } from 'vitest';
import { TxScope } from './tx-scope.ts';

const inside = 'the outer Db was used inside';

test('inside of a transaction the outer database is refused, also in what was started there', async () => {
  const scope = new TxScope();
  await scope.run(async () => {
    expect(() => scope.assertOutside()).toThrow(inside);
    await Promise.resolve();
    expect(() => scope.assertOutside()).toThrow(inside);
  });
  expect(() => scope.assertOutside()).not.toThrow();
});

test('work that outlives its transaction may use the database again', async () => {
  const scope = new TxScope();
  let end!: () => void;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const late = await scope.run(async () => ({
    work: (async () => {
      await ended;
      scope.assertOutside();
      await scope.run(async () => expect(() => scope.assertOutside()).toThrow(inside));
    })(),
  }));
  end();
  await expect(late.work).resolves.toBeUndefined();
});

test('two databases do not know of each other', async () => {
  const [one, other] = [new TxScope(), new TxScope()];
  await one.run(async () => {
    other.assertOutside();
    await other.run(async () => {
      expect(() => one.assertOutside()).toThrow(inside);
      expect(() => other.assertOutside()).toThrow(inside);
    });
    other.assertOutside();
    expect(() => one.assertOutside()).toThrow(inside);
  });
});

test('two transactions side by side do not see each other', async () => {
  const scope = new TxScope();
  const outside = Promise.resolve().then(() => scope.assertOutside());
  await scope.run(async () => {
    await expect(outside).resolves.toBeUndefined();
  });
});
