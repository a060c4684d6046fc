/** Stock of an empty database. The same SKUs are on the order service's price list; BULK is there for load tests. */
export const seedCatalogue: readonly { readonly sku: string; readonly quantity: number }[] = [
  { sku: 'KEYBOARD', quantity: 100 },
  { sku: 'MOUSE', quantity: 100 },
  { sku: 'MONITOR', quantity: 100 },
  { sku: 'HEADSET', quantity: 100 },
  { sku: 'WEBCAM', quantity: 0 },
  { sku: 'DOCK', quantity: 100 },
  { sku: 'BULK', quantity: 100_000 },
];
