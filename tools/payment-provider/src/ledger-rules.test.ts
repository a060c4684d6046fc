import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseForm } from './form-body.ts';
import { cancelIntent, confirmIntent, createIntent } from './intent-rules.ts';
import { applyEntry, emptyLedger, refundedCents } from './ledger-state.ts';
import type { Rule } from './operation.ts';
import { createRefund } from './refund-rules.ts';

const methods = [
  'pm_card_visa',
  'pm_card_chargeDeclined',
  'pm_card_flaky',
  'pm_card_flaky_refund',
  'pm_card_taken_silent',
];

const steps = fc.array(
  fc.oneof(
    fc.constantFrom('confirm', 'cancel', 'refund', 'refund:100', 'refund:4999'),
    fc.constantFrom(...methods).map((method) => `confirm:${method}`),
  ),
  { maxLength: 20 },
);

test('whatever is asked in whatever order: at most one capture, none after a cancel, refunds never exceed it', () => {
  fc.assert(
    fc.property(fc.constantFrom(...methods), steps, (method, requests) => {
      const state = emptyLedger();
      let ids = 0;
      const ask = (rule: Rule, body: string) => {
        ids += 1;
        const facts = { nowMillis: ids, newId: (prefix: string) => `${prefix}_${ids}`, silenceMillis: 0 };
        const decision = rule(state, parseForm(body), facts);
        if (decision.entry) applyEntry(state, decision.entry);
        return decision;
      };
      const created = ask(createIntent, `amount=4999&currency=eur&payment_method=${method}`);
      const intentId = created.entry?.intent?.id ?? '';
      for (const request of requests) {
        const [verb, argument] = request.split(':');
        const before = state.intents.get(intentId)?.status ?? '';
        if (verb === 'confirm') {
          ask(confirmIntent(intentId), argument === undefined ? '' : `payment_method=${argument}`);
        } else if (verb === 'cancel') ask(cancelIntent(intentId), '');
        else
          ask(
            createRefund,
            `payment_intent=${intentId}${argument === undefined ? '' : `&amount=${argument}`}`,
          );
        const after = state.intents.get(intentId)?.status ?? '';
        const reopened = ['canceled', 'succeeded'].includes(before) && after !== before;
        expect(reopened).toBe(false);
      }
      expect(state.captures.length).toBe(state.intents.get(intentId)?.status === 'succeeded' ? 1 : 0);
      expect(refundedCents(state, intentId)).toBeLessThanOrEqual(state.captures.length * 4_999);
    }),
  );
});

test('form bodies carry maps and lists in brackets', () => {
  const form = parseForm(
    'amount=1&metadata[saga_uid]=u&metadata[order_id]=o%201&allowed_payment_method_types[0]=card',
  );
  expect(form.fields.get('amount')).toBe('1');
  expect(form.maps.get('metadata')).toEqual({ saga_uid: 'u', order_id: 'o 1' });
});
