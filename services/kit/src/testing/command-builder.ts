import { randomUUID } from 'node:crypto';
import { messageVersion, type Command } from '@sagamesh/contracts/messages';
import type { Order } from '@sagamesh/contracts/order';

/** Commands for tests: everything has a good value, so a test shows only what it is about. */

export type CommandChange = Partial<Omit<Command, 'order'>> & { readonly order?: Partial<Order> };

/** One builder is one saga: all its commands share saga uid and order id; each has its own command id. */
export function commandBuilder(base: CommandChange = {}): (change?: CommandChange) => Command {
  const sagaUid = base.sagaUid ?? randomUUID();
  const orderId = base.orderId ?? base.order?.id ?? `order-${sagaUid.slice(0, 8)}`;
  let sent = 0;
  return (change = {}) => {
    sent += 1;
    return {
      version: messageVersion,
      commandId: `${sagaUid}/${sent}`,
      sagaUid,
      step: 'step',
      action: 'act',
      direction: 'execute',
      attempt: sent,
      deadline: '2030-01-01T00:00:00.000Z',
      with: {},
      results: {},
      ...base,
      ...change,
      orderId: change.orderId ?? change.order?.id ?? orderId,
      order: {
        id: orderId,
        customerId: 'ada',
        currency: 'EUR',
        items: [{ sku: 'KEYBOARD', quantity: 1, unitPriceCents: 4_999 }],
        paymentMethod: 'pm_card_visa',
        ...base.order,
        ...change.order,
      },
    };
  };
}
