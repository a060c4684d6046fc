import {
  AckPolicy,
  DeliverPolicy,
  nanos,
  ReplayPolicy,
  type ConsumerConfig,
  type ConsumerInfo,
  type JetStreamManager,
  type StreamInfo,
} from 'nats';
import type { DurableConsumerSpec } from '../broker.ts';
import { apiCodeOf, apiCodes } from './api-error.ts';

/** Makes a durable consumer exist, and decides where one that was lost goes on. */

/** What one process remembers of the stream it reads, to go on from there when the consumer or the whole stream was deleted. */
export interface ReadPosition {
  /** `created` of the stream: another value means another stream under the same name. */
  readonly incarnation: string;
  /** Everything up to here is dealt with, as far as this process knows. */
  readonly floor: number;
}

/** What of a stream decides it. */
export interface StreamShape {
  readonly created: StreamInfo['created'];
  readonly state: { readonly last_seq: number };
}

type Start = Pick<ConsumerConfig, 'deliver_policy' | 'opt_start_seq'>;

/**
 * Where a consumer starts that has to be made. First time: as the spec says. After a loss: behind what is dealt with, and at the first
 * message of a stream that was made anew, for all its messages are newer than our reading.
 */
export function startOf(
  deliver: 'new' | 'all',
  position: ReadPosition | undefined,
  stream: StreamShape,
): Start {
  if (position === undefined) {
    return { deliver_policy: deliver === 'new' ? DeliverPolicy.New : DeliverPolicy.All };
  }
  if (position.incarnation !== stream.created) return { deliver_policy: DeliverPolicy.All };
  // A stream that came back from a crash may be shorter than it was.
  const next = Math.min(position.floor, stream.state.last_seq) + 1;
  return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: next };
}

/** Deliveries that may be open at once over all processes that share the consumer, delayed retries included. */
const maxAckPending = 5_000;

async function consumerOrMissing(
  jsm: JetStreamManager,
  spec: DurableConsumerSpec,
): Promise<ConsumerInfo | undefined> {
  try {
    return await jsm.consumers.info(spec.stream, spec.consumer);
  } catch (error) {
    if (apiCodeOf(error) === apiCodes.consumerNotFound) return undefined;
    throw error;
  }
}

export async function ensureConsumer(
  jsm: JetStreamManager,
  spec: DurableConsumerSpec,
  stream: StreamInfo,
  position: ReadPosition | undefined,
): Promise<{ readonly info: ConsumerInfo; readonly made: boolean }> {
  const existing = await consumerOrMissing(jsm, spec);
  const settings = {
    filter_subject: spec.filterSubject,
    ack_wait: nanos(spec.ackWaitMillis),
    max_ack_pending: maxAckPending,
  };
  if (existing !== undefined) {
    const { config } = existing;
    const equal =
      config.filter_subject === settings.filter_subject &&
      config.ack_wait === settings.ack_wait &&
      config.max_ack_pending === settings.max_ack_pending;
    if (equal) return { info: existing, made: false };
    return { info: await jsm.consumers.update(spec.stream, spec.consumer, settings), made: false };
  }
  try {
    const info = await jsm.consumers.add(spec.stream, {
      durable_name: spec.consumer,
      ack_policy: AckPolicy.Explicit,
      replay_policy: ReplayPolicy.Instant,
      max_deliver: -1,
      ...settings,
      ...startOf(spec.deliver, position, stream),
    });
    return { info, made: true };
  } catch (error) {
    // Another process made it a moment ago, from another position.
    const other = await consumerOrMissing(jsm, spec);
    if (other === undefined) throw error;
    return { info: other, made: false };
  }
}
