import { parseArgs } from 'node:util';
import { accessOfStepService, brokerAccesses } from '@sagamesh/contracts/broker-access';
import { natsAuthorization, passwordFromEnvironment } from '@sagamesh/contracts/nats-authorization';

/** `make nats-authorization [ARGS="--step-service=shipping:ship,callBack --with-cache"]`: the block for nats-server's configuration. */

const { values } = parseArgs({
  options: {
    'step-service': { type: 'string', multiple: true, default: [] },
    'with-cache': { type: 'boolean', default: false },
  },
});
try {
  const added = values['step-service'].map((text) => {
    const [name = '', actions = ''] = text.split(':');
    return accessOfStepService(name, actions.split(','), { hasCache: values['with-cache'] });
  });
  process.stdout.write(natsAuthorization([...brokerAccesses, ...added], passwordFromEnvironment));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
