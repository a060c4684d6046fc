import { requireRole } from '@sagamesh/kit/auth';
import type { Db } from '@sagamesh/kit/db';
import { HttpProblem } from '@sagamesh/runtime/problem';
import type { Request, RequestHandler, Router } from 'express';
import { ledgerOfOrder, paymentsOfOrder } from './payment-store.ts';

const path = '/api/v1/payments';

/**
 * `GET /api/v1/payments/:orderId`: what was paid for an order, with every movement of money. For the role `admin` only: payments carry no
 * customer, and what a customer may know of the money is in the own order.
 */
export function addPaymentRoutes(router: Router, db: Db, authenticate: RequestHandler): void {
  const admin = [authenticate, requireRole('admin')];
  router.get(`${path}/:orderId`, ...admin, async (request: Request<{ orderId: string }>, response) => {
    const { orderId } = request.params;
    const payments = await paymentsOfOrder(db, orderId);
    if (payments.length === 0) {
      throw new HttpProblem({ status: 404, detail: 'No payment is recorded for this order.' });
    }
    response.json({ orderId, payments, ledger: await ledgerOfOrder(db, orderId) });
  });
}
