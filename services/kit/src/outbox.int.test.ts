import { describeOutbox } from './testing/outbox.behaviour.ts';

describeOutbox('pglite');
describeOutbox('postgres');
