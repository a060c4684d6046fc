import { describe, expect, it } from 'vitest';
import { localProblems, localReplyConfig } from './local-replies.ts';

/** As Envoy reads it. */
function config(): { readonly mappers: readonly { filter: unknown; body_format_override: unknown }[] } {
  return JSON.parse(JSON.stringify(localReplyConfig()));
}

describe('the answers that Envoy makes itself', () => {
  it('are problems with the members that those of the services have', () => {
    const { mappers } = config();
    for (const mapper of mappers) {
      expect(mapper.body_format_override).toEqual({
        content_type: 'application/problem+json',
        json_format: {
          type: 'about:blank',
          title: expect.any(String),
          status: '%RESPONSE_CODE%',
          detail: expect.any(String),
          instance: '%PATH(NQ)%',
          correlationId: '%REQ(x-correlation-id?x-request-id):128%',
        },
      });
    }
  });

  it('have a text of their own for each status that the routes and filters can lead to', () => {
    expect(localProblems.map((problem) => problem.status)).toEqual([401, 403, 404, 429, 503, 504]);
  });

  it('fall back to one text for every other failure, and leave redirects alone', () => {
    const { mappers } = config();
    expect(mappers.at(-1)).toMatchObject({
      filter: { status_code_filter: { comparison: { op: 'GE', value: { default_value: 400 } } } },
    });
  });

  it('do not tell the world what Envoy says of an upstream', () => {
    const told = localProblems.filter((problem) => problem.detail.includes('LOCAL_REPLY_BODY'));
    expect(told.map((problem) => problem.status)).toEqual([401, 403]);
  });
});
