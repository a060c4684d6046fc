import type { BrokerAccess } from './broker-access.ts';

/**
 * `authorization { ... }` for nats-server's configuration file, from `brokerAccesses`.
 *
 *   natsAuthorization(brokerAccesses, passwordFromEnvironment)         // password: $ORDER_PASSWORD, for a ConfigMap
 *   natsAuthorization(brokerAccesses, (name) => quoted(passwords[name]))  // literal
 *
 * Nobody without a user gets in. The server reads what stands behind a `$` variable as a value of its own syntax: passwords in the
 * environment begin with a letter and have letters and digits only.
 */

/** `operator` -> `OPERATOR_PASSWORD`: the variable of the server's process, and the key in a Secret that fills it. */
export function passwordVariable(client: string): string {
  return `${client.replaceAll('-', '_').toUpperCase()}_PASSWORD`;
}

export function passwordFromEnvironment(client: string): string {
  return `$${passwordVariable(client)}`;
}

/** A string of the configuration's syntax; variables are not looked for inside. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}

function listed(subjects: readonly string[], indent: string): string {
  return subjects.map((subject) => `${indent}${quoted(subject)}`).join('\n');
}

function userLines({ name, publish, subscribe }: BrokerAccess, password: string): string {
  return [
    '    {',
    `      user: ${quoted(name)}`,
    `      password: ${password}`,
    '      permissions: {',
    '        publish: { allow: [',
    listed(publish, ' '.repeat(10)),
    '        ] }',
    '        subscribe: { allow: [',
    listed(subscribe, ' '.repeat(10)),
    '        ] }',
    '      }',
    '    }',
  ].join('\n');
}

/** Two services whose names and actions read the same when joined (`a-b` `c`, `a` `b-c`) would share a consumer, and so their messages. */
function refuseSharedConsumers(clients: readonly BrokerAccess[]): void {
  const owners = new Map<string, string>();
  for (const { name, publish } of clients) {
    for (const subject of publish.filter((one) => one.startsWith('$JS.API.CONSUMER.MSG.NEXT.'))) {
      const other = owners.get(subject);
      if (other !== undefined) throw new Error(`${other} and ${name} would both read ${subject}`);
      owners.set(subject, name);
    }
  }
}

export function natsAuthorization(
  clients: readonly BrokerAccess[],
  passwordOf: (client: string) => string,
): string {
  refuseSharedConsumers(clients);
  return [
    'authorization {',
    '  users = [',
    ...clients.map((client) => userLines(client, passwordOf(client.name))),
    '  ]',
    '}',
    '',
  ].join('\n');
}
