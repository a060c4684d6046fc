import { describeFence } from './testing/fence.behaviour.ts';

describeFence('pglite');
