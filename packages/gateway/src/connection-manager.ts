import type { EnvoyJson } from './envoy-json.ts';
import { localReplyConfig } from './local-replies.ts';

/**
 * What the gateway's HTTP connection manager does before any filter: a path has one spelling, so that what is allowed, what is counted and what the
 * service reads are the same path. And after all of them: answers of Envoy's own read like those of the services.
 */
export function connectionManagerSettings(): Readonly<Record<string, EnvoyJson>> {
  return {
    // `/a/../b` and `//b` become `/b`.
    normalize_path: true,
    merge_slashes: true,
    // `/a%2fb` is one segment to some and two to others: 400.
    path_with_escaped_slashes_action: 'REJECT_REQUEST',
    local_reply_config: localReplyConfig(),
  };
}
